// SPDX-License-Identifier: Apache-2.0
// What the rig needs on this machine.
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { must } from './shell.mjs';
import { aptFor } from './kernels.mjs';

const PACKAGES = {
  'qemu-system-x86_64': 'qemu-system-x86',
  busybox: 'busybox-static',
  debugfs: 'e2fsprogs',
  gcc: 'gcc',
  make: 'make',
  xz: 'xz-utils',
  zstd: 'zstd',
};
/** Beside them for a guest of another architecture; everything is built with clang. */
const FOREIGN = {
  arm64: {
    'qemu-system-aarch64': 'qemu-system-arm',
    'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu',
    'ld.lld': 'lld',
    'llvm-objdump': 'llvm',
  },
};
const QEMU = { amd64: 'x86_64', arm64: 'aarch64' };

/** Installs what is missing, saying so; an Error with the reason if it cannot be had. */
export function installTools(architecture) {
  const wanted = { ...PACKAGES, ...FOREIGN[architecture] };
  const missing = Object.entries(wanted).filter(([command]) => !find(command));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (!find('apt-get')) throw new Error(`${packages.join(', ')} missing, and no apt-get to install them`);
  if (process.getuid() !== 0) throw new Error(`missing: run "sudo apt-get install ${packages.join(' ')}"`);
  console.error(`test:vm: installing ${packages.join(', ')} …`);
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    must('apt-get', install, { env });
  } catch {
    must('apt-get', ['update'], { env });
    must('apt-get', install, { env });
  }
}

/**
 * QEMU's command. Time in the guest is the count of instructions (-icount), so that results do not depend on
 * how busy this machine is; QEMU 7 hangs with it, so there the one of backports is unpacked beside it.
 */
export function findQemu(architecture, cache) {
  const command = `qemu-system-${QEMU[architecture]}`;
  const version = Number(/version (\d+)/.exec(must(command, ['--version']))?.[1]);
  if (version >= 10) return [command];
  const directory = join(cache, architecture === 'amd64' ? 'qemu' : `qemu-${architecture}`);
  if (!existsSync(join(directory, 'usr/bin', command))) {
    const packages = [PACKAGES[command] ?? FOREIGN[architecture][command], 'qemu-system-data', 'seabios'];
    aptFor('bookworm-backports', cache).unpack(packages, directory);
  }
  const data = ['usr/share/qemu', 'usr/share/seabios'].flatMap((path) => ['-L', join(directory, path)]);
  return [join(directory, 'usr/bin', command), ...data];
}

export function find(command) {
  const path = `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin`;
  return path.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
