// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onlineCpus } from '../../src/host/cpus.ts';
import { joules, snapshots } from '../support/joules.ts';
import { describeOnKernel, TSC } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** This machine as lxcfs shows it to a container of one CPU: `online` is short, all else is as it was. */
function machineOfOneCpu(): string {
  const root = temporaryDirectory();
  const cpus = join(root, 'sys/devices/system/cpu');
  mkdirSync(cpus, { recursive: true });
  symlinkSync('/proc', join(root, 'proc'));
  for (const name of ['kernel', 'fs', 'bus']) symlinkSync(`/sys/${name}`, join(root, 'sys', name));
  for (const cpu of onlineCpus('/sys'))
    symlinkSync(`/sys/devices/system/cpu/cpu${cpu}`, join(cpus, `cpu${cpu}`));
  writeFileSync(join(cpus, 'online'), '0\n');
  return root;
}

const several = onlineCpus('/sys').includes(1) ? describeOnKernel : describe.skip;

several('a CPU that sysfs hides (skipped where there is no CPU 1)', () => {
  it.each([
    ['a counter', ['--source', TSC]],
    ['a model', ['--source', 'estimated', '--watts-idle', '1', '--watts-busy', '5']],
  ])('is told once, and has its energy by %s as a gap', (_, source) => {
    const busy = spawn('taskset', ['-c', '1', 'sh', '-c', 'while :; do :; done']);
    const args = [
      'top',
      '--json',
      ...source,
      '--root',
      machineOfOneCpu(),
      '--interval',
      '0.3',
      '--count',
      '6',
    ];
    const { stdout, stderr, status } = joules(args);
    busy.kill();
    expect(status).toBe(0);
    expect(stderr.match(/event=hidden/g)).toHaveLength(1);
    expect(stderr).toMatch(/^joules: event=hidden cpus=1 why="sysfs does not list them/);
    const last = snapshots(stdout).at(-1)!;
    const { totals, unattributed, zones, processes } = last;
    expect(unattributed.gap_j).toBeGreaterThan(0);
    expect(zones.find(({ id }) => id === 'cpu:1')).toMatchObject({ gap_j: unattributed.gap_j });
    expect(totals.process_j + totals.idle_j + totals.unattributed_j).toBeCloseTo(totals.counter_j, 9);
    expect(processes.find(({ pid }) => pid === busy.pid)).toMatchObject({ energy_j: 0 });
  });
});
