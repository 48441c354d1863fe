// SPDX-License-Identifier: Apache-2.0
// What the native part is compiled and linked with, from Debian's packages, unpacked below the cache: nothing is installed,
// and an architecture needs neither a machine nor a chroot of its own.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative } from 'node:path';
import { CACHE, must } from './run.mjs';

/** The libc and the C++ library of Debian 11, whose symbols are the oldest that its keys still sign (glibc 2.31). */
const LIBC = [
  'libc6',
  'libc6-dev',
  'libcrypt-dev',
  'gcc-10-base',
  'libgcc-10-dev',
  'libgcc-s1',
  'libstdc++-10-dev',
];
/** Linked statically, as Debian 12 has them, with their licences; and headers of a kernel that is new enough. */
const STATIC = ['libbpf-dev', 'libelf-dev', 'zlib1g-dev', 'linux-libc-dev'];

/** Where suites are that mirrors have no more. */
const ARCHIVE = 'http://archive.debian.org/debian';

/** { libc, libraries, versions } of one of Debian's architectures. */
export function sysroot(architecture) {
  const list = createHash('sha256')
    .update([...LIBC, ...STATIC].join())
    .digest('hex')
    .slice(0, 8);
  const directory = join(CACHE, `sysroot-${architecture}-${list}`);
  if (!existsSync(directory)) {
    const partial = `${directory}.${process.pid}`;
    const versions = {
      ...unpack('bullseye', architecture, LIBC, join(partial, 'libc')),
      ...unpack('bookworm', architecture, STATIC, join(partial, 'libraries')),
    };
    writeFileSync(join(partial, 'versions.json'), JSON.stringify(versions, null, 2));
    renameSync(partial, directory);
  }
  return { libc: join(directory, 'libc'), libraries: join(directory, 'libraries'), directory };
}

/** Unpacks packages of a suite and returns their versions by name. */
export function unpack(suite, architecture, packages, directory) {
  console.error(`fetching ${packages.length} packages of ${suite} for ${architecture} …`);
  const { own, options } = apt(suite, architecture);
  const debs = join(own, `debs.${process.pid}`);
  mkdirSync(debs, { recursive: true });
  mkdirSync(directory, { recursive: true });
  must('apt-get', [...options, '-qq', 'download', ...packages], { cwd: debs });
  const versions = {};
  for (const deb of readdirSync(debs).map((name) => join(debs, name))) {
    const [name, version] = must('dpkg-deb', ['-W', '--showformat=${Package} ${Version}', deb]).split(' ');
    versions[name] = version;
    must('dpkg-deb', ['-x', deb, directory]);
  }
  rmSync(debs, { recursive: true });
  makeLinksRelative(directory, directory);
  return versions;
}

/** Apt with lists, status and one source of its own, so that other architectures and suites do not touch the system's. */
function apt(suite, architecture) {
  const own = join(CACHE, 'apt', `${suite}-${architecture}`);
  for (const path of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(join(own, path), { recursive: true });
  writeFileSync(join(own, 'status'), '');
  const options = [
    `Dir::Etc::sourcelist=${own}/sources.list`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${own}/lists`,
    `Dir::State::status=${own}/status`,
    `Dir::Cache=${own}/cache`,
    `APT::Architecture=${architecture}`,
    `APT::Architectures::=${architecture}`,
    'APT::Sandbox::User=root',
    'Acquire::Languages=none',
  ].flatMap((option) => ['-o', option]);
  updateLists({ own, options, suite, architecture });
  return { own, options };
}

/** Has apt's `options`, whose one source is `own`/sources.list, fetch what a suite has. */
export function updateLists({ own, options, suite, architecture }) {
  const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const only = architecture ? `arch=${architecture} ` : '';
  let failed;
  for (const mirror of [debianMirror(), ARCHIVE]) {
    writeFileSync(join(own, 'sources.list'), `deb [${only}signed-by=${keys}] ${mirror} ${suite} main\n`);
    try {
      return must('apt-get', [...options, '-o', 'APT::Update::Error-Mode=any', '-qq', 'update']);
    } catch (error) {
      failed ??= error;
    }
  }
  throw failed;
}

/** Where this system has its own packages from. */
export function debianMirror() {
  const uris = must('apt-get', ['indextargets', '--format', '$(REPO_URI)']).split('\n');
  const mirror = uris.find((uri) => uri && !uri.includes('security'));
  if (!mirror)
    throw new Error(
      'apt knows no source of packages: run apt-get update, or add one to /etc/apt/sources.list.d',
    );
  return mirror;
}

/** Links to /lib/… would lead out of the sysroot. */
function makeLinksRelative(directory, root) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) makeLinksRelative(path, root);
    if (!entry.isSymbolicLink() || !isAbsolute(readlinkSync(path))) continue;
    const target = join(root, readlinkSync(path));
    rmSync(path);
    symlinkSync(relative(dirname(path), target), path);
  }
}
