// SPDX-License-Identifier: Apache-2.0
// Debian kernels and the module for them, below a cache directory: nothing is installed.
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { updateLists } from '../../deploy/packages/sysroot.mjs';
import { must } from './shell.mjs';

/**
 * What `npm run test:vm` tests: a name, the suite, and whether its PMUs have scopes. `jobs`: those that are judged on it;
 * `usually`: those of them that are where it is not named.
 */
export const KERNELS = [
  { name: '6.1', suite: 'bookworm', architecture: 'amd64', scope: false },
  { name: '6.12', suite: 'bookworm-backports', architecture: 'amd64', scope: true },
  { name: 'newest', suite: 'trixie-backports', architecture: 'amd64', scope: true },
  {
    name: 'arm64',
    suite: 'bookworm-backports',
    architecture: 'arm64',
    scope: true,
    jobs: ['accuracy', 'hotplug'],
    usually: ['accuracy'],
  },
];

/** What a module is compiled with, and stripped. */
const CROSS = {
  amd64: { make: ['CC=gcc'], strip: 'strip' },
  arm64: {
    make: ['ARCH=arm64', 'CROSS_COMPILE=aarch64-linux-gnu-', 'CC=aarch64-linux-gnu-gcc'],
    strip: 'aarch64-linux-gnu-strip',
  },
};

/**
 * Downloads and unpacks a kernel with its headers into the cache, builds the module below `own`:
 * { vmlinuz, release, module }.
 */
export function prepareKernel(kernel, cache, moduleSource, own) {
  const directory = join(cache, kernel.name);
  if (!existsSync(join(directory, 'release'))) fetchKernel(kernel, cache, directory);
  const release = readFileSync(join(directory, 'release'), 'utf8');
  const vmlinuz = [`boot/vmlinuz-${release}`, `usr/lib/modules/${release}/vmlinuz`]
    .map((path) => join(directory, path))
    .find((path) => existsSync(path));
  const { architecture } = kernel;
  return {
    vmlinuz,
    release,
    module: buildModule({ directory, release, architecture, source: moduleSource, own }),
  };
}

function fetchKernel({ name, suite, architecture }, cache, directory) {
  rmSync(directory, { recursive: true, force: true });
  console.error(`test:vm: fetching Linux ${name} from ${suite} …`);
  const apt = aptFor(suite, cache, architecture === 'amd64' ? undefined : architecture);
  const flavour = `cloud-${architecture}`;
  const depends = (of) => apt.show(of).match(/^Depends: .*$/m)?.[0] ?? '';
  // The cloud flavour is small and has NVMe, ext4, BPF and BTF built in.
  const headers = /linux-headers-[0-9][^ ,]*/.exec(depends(`linux-headers-${flavour}`))?.[0];
  if (!headers) throw new Error(`${suite} has no linux-headers-${flavour}`);
  const release = headers.replace('linux-headers-', '');
  const common = `${headers.replace(`-${flavour}`, '')}-common`;
  const kbuild = /linux-kbuild-[^ ,]*/.exec(depends(headers))[0];
  // From 7.0 on the image proper is split off from its modules.
  const image = apt.show(`linux-binary-${release}`) ? `linux-binary-${release}` : `linux-image-${release}`;
  apt.unpack([headers, common, image], directory);
  // Its programs run here.
  aptFor(suite, cache).unpack([kbuild], directory);
  fitHeaders(headersOf(directory, release), directory);
  lendLibc(directory, cache);
  // Last, and nothing is written after it: other runs read here.
  writeFileSync(join(directory, 'release'), release);
}

/**
 * Apt with lists, cache and one source of its own, for another architecture if one is given: needs no root and does not
 * touch the system's.
 */
export function aptFor(suite, cache, foreign) {
  const own = join(cache, 'apt', foreign ? `${suite}-${foreign}` : suite);
  for (const path of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(own, path), { recursive: true });
  const options = [
    `Dir::Etc::sourcelist=${own}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${own}/lists`,
    `Dir::Cache=${own}/cache`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
    ...(foreign ? [`APT::Architecture=${foreign}`, `APT::Architectures::=${foreign}`] : []),
  ].flatMap((option) => ['-o', option]);
  updateLists({ own, options, suite, architecture: foreign });
  return {
    options,
    /** The newest version's record; empty if there is no such package. */
    show(name) {
      try {
        return must('apt-cache', [...options, '--no-all-versions', 'show', name]);
      } catch {
        return '';
      }
    },
    unpack(packages, directory) {
      const debs = join(own, 'debs');
      mkdirSync(debs, { recursive: true });
      mkdirSync(directory, { recursive: true });
      must('apt-get', [...options, '-qq', 'download', ...packages], { cwd: debs });
      for (const deb of readdirSync(debs)) must('dpkg', ['-x', join(debs, deb), directory]);
      rmSync(debs, { recursive: true });
    },
  };
}

function headersOf(directory, release) {
  return join(directory, 'usr/src', `linux-headers-${release}`);
}

/** The headers look for each other below /usr/src. */
function fitHeaders(headers, directory) {
  const makefile = join(headers, 'Makefile');
  const text = readFileSync(makefile, 'utf8');
  writeFileSync(makefile, text.replace(/(include |KBUILD_OUTPUT=)\/usr\/src\//g, `$1${directory}/usr/src/`));
}

function buildModule({ directory, release, architecture, source, own }) {
  const { make, strip } = CROSS[architecture];
  const build = join(own, release, 'module');
  cpSync(source, build, { recursive: true });
  must('make', [
    '-C',
    headersOf(directory, release),
    `M=${build}`,
    ...make,
    // Set by the compiler that built the kernel; ours may be older. BTF of modules would need pahole.
    'CONFIG_CC_HAS_MIN_FUNCTION_ALIGNMENT=',
    'CONFIG_DEBUG_INFO_BTF_MODULES=',
    'modules',
  ]);
  must(strip, ['-g', join(build, 'rapl_rig.ko')]);
  return join(build, 'rapl_rig.ko');
}

/** Kbuild's own programs may want a newer libc than this system's: then they run with that of their suite. */
function lendLibc(directory, cache) {
  const kbuild = join(
    directory,
    'usr/lib',
    readdirSync(join(directory, 'usr/lib')).find((name) => name.startsWith('linux-kbuild')),
  );
  const programs = ['scripts/basic/fixdep', 'scripts/mod/modpost', 'tools/objtool/objtool']
    .flatMap((path) => [path, `${path}.real-x86`, `${path}.real-lsb-64`])
    .map((path) => join(kbuild, path))
    .filter((path) => existsSync(path) && readFileSync(path).subarray(1, 4).toString() === 'ELF');
  const missing = (program) => /not found/.test(must('sh', ['-c', 'ldd "$1" 2>&1 || :', 'sh', program]));
  const wanting = programs.filter(missing);
  if (wanting.length === 0) return;
  const libc = join(cache, 'libc');
  if (!existsSync(libc)) aptFor('trixie', cache).unpack(['libc6', 'libelf1t64', 'zlib1g', 'libzstd1'], libc);
  const libraries = join(libc, 'usr/lib/x86_64-linux-gnu');
  for (const program of wanting) {
    renameSync(program, `${program}.elf`);
    const loader = `${libraries}/ld-linux-x86-64.so.2 --library-path ${libraries}`;
    writeFileSync(program, `#!/bin/sh\nexec ${loader} ${program}.elf "$@"\n`);
    chmodSync(program, 0o755);
  }
}
