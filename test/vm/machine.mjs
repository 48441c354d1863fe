// SPDX-License-Identifier: Apache-2.0
// A virtual machine of 2 cores with 2 threads each, fully emulated: no KVM, no root.
import { spawn } from 'node:child_process';
import { copyFileSync, constants, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './shell.mjs';

const HARDWARE = {
  amd64: [
    ['-machine', 'q35,usb=off,sata=off,smbus=off,vmport=off'],
    // Linux 6.1 finds the threads of a core only with an Intel model here.
    ['-cpu', 'Haswell'],
    ['-smp', '4,sockets=1,cores=2,threads=2'],
  ].flat(),
  arm64: [
    ['-machine', 'virt,gic-version=3'],
    ['-cpu', 'cortex-a72'],
    ['-smp', '4,sockets=1,clusters=1,cores=2,threads=2'],
  ].flat(),
};
const BARE = ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-m', '1024'];

/** One CPU after the other: an instruction takes 4 ns whatever else this machine does, sleep takes no time. */
const EXACT = '-accel tcg,thread=single -icount shift=2,sleep=off -rtc clock=vm'.split(' ');
/** CPUs at the same time, interrupted anywhere: finds races; the clock is this machine's. */
const PARALLEL = '-accel tcg,thread=multi'.split(' ');

const KERNEL_OPTIONS = [
  'root=/dev/nvme0n1 rootwait rw init=/rig/init quiet panic=-1 oops=panic',
  // What costs seconds under emulation; the last two have threads that are busy when nobody expects it.
  'mitigations=off cryptomgr.notests init_on_alloc=0 nokaslr random.trust_cpu=on',
  'damon_stat.enabled=0 transparent_hugepage=never',
].join(' ');
const OWN_OPTIONS = {
  // Emulated CPUs fail the checks of TSCs and timers, and the clock would fall back to slow ones.
  amd64: 'console=ttyS0 tsc=reliable no_timer_check',
  arm64: 'console=ttyAMA0',
};

/** What ends a machine that hangs: so much work of the emulator, which no load of this machine changes, and a limit in
 * case it does not work at all. */
const MOST_CPU_SECONDS = 600;
const MOST_SECONDS = 1800;

/**
 * Boots a kernel from a copy of the image and runs a job of guest/ in it. Resolves with the seconds it took
 * and the console's last lines; what the job wrote to /out is then in `out`.
 */
export async function runMachine(machine) {
  const { qemu, architecture, parallel = false, vmlinuz, image, out, job, options = '' } = machine;
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const disk = join(out, 'disk');
  copyFileSync(image, disk, constants.COPYFILE_FICLONE);
  const startedMs = performance.now();
  const console = await runQemu(
    qemu,
    [
      BARE,
      HARDWARE[architecture],
      parallel ? PARALLEL : EXACT,
      ['-kernel', vmlinuz, '-append', `${KERNEL_OPTIONS} ${OWN_OPTIONS[architecture]} job=${job} ${options}`],
      ['-drive', `if=none,id=disk,format=raw,cache=unsafe,file=${disk}`],
      ['-device', 'nvme,drive=disk,serial=rig', '-serial', 'stdio'],
    ].flat(),
  );
  const seconds = (performance.now() - startedMs) / 1000;
  must('debugfs', ['-R', `rdump /out ${out}`, disk]);
  rmSync(disk);
  return { seconds, console };
}

/** Runs the emulator to its end and resolves with the last that it and the console had to say. */
function runQemu([command, ...first], args) {
  return new Promise((resolve, reject) => {
    const limited = ['-c', `ulimit -t ${MOST_CPU_SECONDS}; exec "$@"`, 'sh', command, ...first, ...args];
    const child = spawn('sh', limited, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    const keep = (chunk) => {
      text = (text + chunk).slice(-8192);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const timer = setTimeout(() => {
      keep(`\nstopped after ${MOST_SECONDS} s\n`);
      child.kill('SIGKILL');
    }, MOST_SECONDS * 1000);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve(signal ? `${text}\nthe emulator was ended by ${signal}\n` : text);
    });
  });
}
