// SPDX-License-Identifier: Apache-2.0
// The tarball and Debian's package for arm64, on amd64: each program of theirs is run by QEMU, which is named before it, so
// that no setting of this kernel is touched. What BPF measures there is for test:vm.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FLAGS } from '../../deploy/packages/tree.mjs';
import { CACHE, must } from '../../deploy/packages/run.mjs';
import { unpack } from '../../deploy/packages/sysroot.mjs';
import { nodeOf } from '../../deploy/packages/tarball.mjs';
import { readPackage } from '../../deploy/packages/npm.mjs';
import { skip, test } from '../e2e/report.mjs';
import { Chroot } from './chroot.mjs';

const SUITE = 'bookworm';
const QEMU = '/usr/bin/qemu-aarch64-static';
/** The oldest libc and C++ library that it is made for. */
const LIBRARIES = ['libc6', 'libstdc++6', 'libgcc-s1'];
const LIBRARY_SUITE = 'bullseye';
/** e_machine of an ELF file: EM_AARCH64 */
const AARCH64 = 183;
/** Loads an addon and tells its functions. */
const LOAD =
  'const m = { exports: {} }; process.dlopen(m, process.argv[1]); console.log(Object.keys(m.exports).sort().join())';

export async function judgeArm64({ tarball, deb, otherDeb }, work) {
  judgeControl(deb, otherDeb, work);
  let system;
  try {
    system = fetchSystem();
  } catch (error) {
    return skip('arm64: nothing is run', error);
  }
  const chroot = new Chroot(SUITE, work);
  chroot.copy(system.qemu, QEMU);
  // Not below /lib, which is a link.
  cpSync(system.lib, chroot.pathOf('/usr/lib'), { recursive: true, verbatimSymlinks: true });
  const path = chroot.bring(tarball);
  const unpacked = await chroot.run('tar', '-xzf', path, '--strip-components=1', '-C', '/usr/local');
  test('arm64: the tarball is unpacked', unpacked.status !== 0 && unpacked.stderr);
  await judgeRunning(chroot, 'tarball', '/usr/local/lib/joules', '/usr/local/lib/joules/bin/node');
  await judgeInstallation(chroot, deb);
  return undefined;
}

/** { qemu, lib }: the emulator, and what is to be below /usr/lib. */
function fetchSystem() {
  const directory = join(CACHE, 'arm64-system');
  if (!existsSync(directory)) {
    const partial = `${directory}.${process.pid}`;
    unpack(SUITE, 'amd64', ['qemu-user-static'], join(partial, 'all'));
    renameSync(join(partial, 'all', QEMU), join(partial, 'qemu'));
    rmSync(join(partial, 'all'), { recursive: true });
    unpack(LIBRARY_SUITE, 'arm64', LIBRARIES, join(partial, 'libraries'));
    mkdirSync(join(partial, 'lib'));
    for (const from of ['lib', 'usr/lib'])
      cpSync(join(partial, 'libraries', from), join(partial, 'lib'), {
        recursive: true,
        verbatimSymlinks: true,
      });
    renameSync(partial, directory);
  }
  return { qemu: join(directory, 'qemu'), lib: join(directory, 'lib') };
}

/** What dpkg is told of it, and that it has what the package for amd64 has, for arm64. */
function judgeControl(deb, otherDeb, work) {
  const { version } = readPackage();
  const field = (name) => must('dpkg-deb', ['-f', deb, name]).trim();
  test('arm64: the Debian package is for arm64', field('Architecture') !== 'arm64' && field('Architecture'));
  test('arm64: of this version', field('Version') !== `${version}-1` && field('Version'));
  const needed = must('dpkg-deb', ['-f', otherDeb, 'Depends']).trim();
  test('arm64: it needs what the one for amd64 needs', field('Depends') !== needed && field('Depends'));
  const directories = [deb, otherDeb].map((path, index) => {
    const directory = join(work, `unpacked-${index}`);
    must('dpkg-deb', ['-x', path, directory]);
    return directory;
  });
  const native = 'usr/lib/joules/build/Release';
  const differ = must('sh', ['-c', 'diff -rq "$1" "$2" || :', 'sh', ...directories])
    .trim()
    .split('\n');
  const others = differ.filter((line) => !line.includes(native) || line.startsWith('Only in'));
  test('arm64: it has what the one for amd64 has, but for native programs', others.join('; '));
  const programs = readdirSync(join(directories[0], native));
  const foreign = programs.filter((name) => machineOf(join(directories[0], native, name)) !== AARCH64);
  test(
    `arm64: ${programs.join(' and ')} are of arm64`,
    programs.length !== 2 ? 'there are not two' : foreign.join(),
  );
}

/** e_machine is at 18. */
function machineOf(path) {
  const head = readFileSync(path).subarray(0, 20);
  return head.subarray(1, 4).toString() === 'ELF' ? head.readUInt16LE(18) : undefined;
}

/** dpkg and what the package has it run are this machine's; it needs a Node of arm64 which is not there. */
async function judgeInstallation(chroot, deb) {
  const path = chroot.bring(deb);
  chroot.copy(join(nodeOf('arm64'), 'bin/node'), '/usr/bin/node');
  const install = `dpkg --add-architecture arm64 && dpkg --force-depends -i ${path}`;
  const installed = await chroot.run('sh', '-c', install);
  test('arm64: dpkg installs the Debian package', installed.status !== 0 && installed.stderr);
  if (installed.status !== 0) return;
  const sums = await chroot.run('dpkg', '--verify', 'joules:arm64');
  test('arm64: what is there is what was packed', sums.status !== 0 ? sums.stderr : sums.stdout);
  await judgeRunning(chroot, 'deb', '/usr/lib/joules', '/usr/bin/node');
  const purged = await chroot.run('dpkg', '--purge', 'joules:arm64');
  const left = await chroot.run('sh', '-c', 'ls -d /usr/lib/joules /usr/bin/joules 2>/dev/null; :');
  test('arm64: purging it leaves nothing', purged.status !== 0 ? purged.stderr : left.stdout);
}

async function judgeRunning(chroot, how, library, node) {
  const run = (...words) => chroot.run(QEMU, node, ...words);
  const architecture = await run('-p', 'process.arch');
  test(`arm64: ${how}: Node runs`, architecture.stdout !== 'arm64\n' && architecture.stderr);
  const joules = (...words) => run(...NODE_FLAGS.split(' '), join(library, 'bin/joules'), ...words);
  const version = await joules('--version');
  test(`arm64: ${how}: joules --version`, version.stdout !== `${readPackage().version}\n` && version.stderr);
  const addon = join(library, 'build/Release/energy.node');
  const loaded = await run('-e', LOAD, addon);
  const here = must('node', ['-e', LOAD, join(import.meta.dirname, '../../build/Release/energy.node')]);
  test(
    `arm64: ${how}: the native part loads with ${here.split(',').length} functions`,
    loaded.stdout !== here && `${loaded.stdout}${loaded.stderr}`,
  );
  // QEMU has no bpf(2): it must come as far as that.
  const top = await joules('top', '--count', '1');
  const isSentence = /^joules: cannot load the BPF program \(ENOSYS\): [^\n]+\n$/.test(top.stderr);
  test(`arm64: ${how}: joules top says in a sentence that there is no BPF`, !isSentence && top.stderr);
}
