// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  bootTimeMs,
  creationTimeOf,
  isAlive,
  readExecutable,
  readStartTicks,
} from '../../src/host/procfs.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const fixture = join(__dirname, '../fixtures/proc-names');

/** Ticks of CLOCK_BOOTTIME until now, rounded down as the kernel rounds starts of processes. */
function uptimeTicks(): number {
  return Math.round(Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 100);
}

describe('start of a process', () => {
  test('is read past a name full of spaces and parentheses', () => {
    expect(readStartTicks(fixture, 77)).toBe(4242);
  });

  test('lies between the moments before and after it was started', () => {
    const before = uptimeTicks();
    const child = spawn('sleep', ['600']);
    try {
      const ticks = readStartTicks('/proc', child.pid!);
      expect(ticks).toBeGreaterThanOrEqual(before);
      expect(ticks).toBeLessThanOrEqual(uptimeTicks());
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('is unknown where there is no such process', () => {
    expect(readStartTicks(fixture, 1)).toBeUndefined();
  });

  test('tells a process from a later one of the same pid', () => {
    expect(isAlive(fixture, { pid: 77, startNs: 42_429_999_999 })).toBe(true);
    expect(isAlive(fixture, { pid: 77, startNs: 42_430_000_000 })).toBe(false);
  });
});

describe('creation time', () => {
  test('is the time of boot that the kernel keeps plus the ticks that /proc shows', () => {
    expect(creationTimeOf(42_429_999_999, bootTimeMs(fixture))).toBe('2023-11-14T22:14:02.420Z');
  });

  test('is at most a second early and never in the future', () => {
    const created = Date.parse(
      creationTimeOf(readStartTicks('/proc', process.pid)! * 1e7, bootTimeMs('/proc')),
    );
    const started = Date.now() - process.uptime() * 1000;
    expect(created).toBeLessThanOrEqual(Date.now());
    // process.uptime() counts from when Node had been loaded: the process is older than that.
    expect(created).toBeLessThanOrEqual(started);
  });

  test('is the same whenever the time of boot is asked for', () => {
    expect(bootTimeMs('/proc')).toBe(bootTimeMs('/proc'));
  });

  test('says what is missing where no procfs is mounted', () => {
    expect(() => bootTimeMs('/nowhere')).toThrow(
      expect.objectContaining({
        code: 'EPROC',
        message: '/nowhere/stat does not tell the time of boot: mount procfs at /nowhere',
      }),
    );
  });

  test('says so where procfs shows processes alone', () => {
    const proc = temporaryDirectory();
    symlinkSync('/proc/self', join(proc, 'self'));
    expect(() => bootTimeMs(proc)).toThrow(
      expect.objectContaining({
        code: 'EPROC',
        message: expect.stringMatching(/does not tell the time of boot: mount procfs without subset=pid/),
      }),
    );
  });
});

describe('in a time namespace', () => {
  /** As the kernel writes them: in the file of offsets, in PID/stat, and in the time of boot. */
  function procWith(files: Readonly<Record<string, string>>): string {
    const proc = temporaryDirectory();
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(proc, path, '..'), { recursive: true });
      writeFileSync(join(proc, path), text);
    }
    return proc;
  }
  const offsets = (seconds: number, ns: number): string =>
    `monotonic           7         0\nboottime   ${String(seconds).padStart(10)} ${String(ns).padStart(9)}\n`;

  test.each([
    [86_400, 0, 1_699_913_600],
    [-1000, 250_000_000, 1_700_001_000],
  ])('that is %d s and %d ns ahead a process is the same, and as old', (seconds, ns, btime) => {
    const startNs = 42_429_999_999;
    const ticks = Math.floor((startNs + seconds * 1e9 + ns) / 1e7);
    const stat = readFileSync(join(fixture, '77/stat'), 'latin1').replace(' 4242 ', ` ${ticks} `);
    const proc = procWith({
      'self/timens_offsets': offsets(seconds, ns),
      stat: `btime ${btime}\n`,
      '77/stat': stat,
    });
    expect(isAlive(proc, { pid: 77, startNs })).toBe(true);
    expect(isAlive(proc, { pid: 77, startNs: startNs + 1e7 })).toBe(false);
    expect(bootTimeMs(proc)).toBe(1_700_000_000_000 + ns / 1e6);
  });

  test('a clock that was set back to before 1970 gives a time of boot before that', () => {
    const proc = procWith({ stat: `btime ${2n ** 64n - 3600n}\n` });
    expect(creationTimeOf(60e9, bootTimeMs(proc))).toBe('1969-12-31T23:01:00.000Z');
  });

  test.each(['99999999999999', '9223372036854775807', '9'.repeat(400)])(
    'a time of boot that cannot be is refused, or is a date: %s',
    (btime) => {
      const proc = procWith({ stat: `btime ${btime}\n` });
      let created: string | undefined;
      try {
        created = creationTimeOf(60e9, bootTimeMs(proc));
      } catch (error) {
        expect(error).toMatchObject({
          code: 'EPROC',
          message: expect.stringMatching(/impossible time of boot/),
        });
        return;
      }
      expect(Number.isFinite(Date.parse(created))).toBe(true);
    },
  );
});

describe('executable', () => {
  test('is the file name of the program, also after that was deleted', async () => {
    const directory = temporaryDirectory();
    const program = join(directory, 'a program, really');
    copyFileSync(realpathSync('/bin/sh'), program);
    const child = spawn(program, ['-c', 'read line'], { stdio: ['pipe', 'ignore', 'ignore'] });
    try {
      await once(child, 'spawn');
      expect(readExecutable('/proc', child.pid!)).toBe('a program, really');
      rmSync(directory, { recursive: true });
      expect(readExecutable('/proc', child.pid!)).toBe('a program, really');
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('is unknown for a kernel thread, a program run from memory and a process that is gone', () => {
    expect(readExecutable(fixture, 2)).toBeUndefined();
    expect(readExecutable(fixture, 77)).toBeUndefined();
    expect(readExecutable(fixture, 1)).toBeUndefined();
  });
});
