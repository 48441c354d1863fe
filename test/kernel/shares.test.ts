// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCollector } from '../../src/probe/collector.ts';
import { selectSource } from '../../src/sources/select.ts';
import { cpuSeconds, describeOnKernel, Load, scheduledSeconds, TSC, waitFor } from '../support/kernel.ts';
import { METER } from '../../src/settings/table.ts';
import { sum } from '../../src/util/sum.ts';

/** Programs that use a CPU in different ways: for ever, in bursts of some µs to some ms, forking, through pipes. */
const WAYS = [
  'while :; do :; done',
  'while :; do i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; sleep 0.001; done',
  'while :; do i=0; while [ $i -lt 9000 ]; do i=$((i+1)); done; sleep 0.01; done',
  'while :; do /bin/true; done',
  'while :; do echo x; done | while read -r x; do :; done',
];

/**
 * A signal takes effect when its process next runs; then its state, the third field of /proc/PID/stat, is T, or D
 * where it waits for a child of vfork(2) that has been stopped.
 */
function isStopped(pid: number): boolean {
  return /\) [TD]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

describeOnKernel('the shares of processes', () => {
  // Where the counter is a clock, all powers are equal and each process's energy is known: its run time.
  it('are those of their run times where the counter is a clock, for 50 mixed processes', async () => {
    const stolenBefore = cpuSeconds().stolen;
    await using load = new Load();
    const { source } = selectSource({ spec: TSC, sys: '/sys', proc: '/proc' });
    const collector = await openCollector({
      source,
      rediscover: () => source,
      sys: '/sys',
      hierarchy: { controller: null, id: 0 },
      followForks: false,
      maxTasks: METER.maxTasks.fallback!,
    });
    // By pid, of the process that had it last: the forking ones use up all pids in some seconds.
    const used = new Map<number, { startNs: number; joules: number; seconds: number }>();
    const all = { joules: 0, seconds: 0 };
    const add = async (): Promise<void> => {
      const { rows, processes } = (await collector.drain()).columns;
      for (const [i, pid] of rows.pid.entries()) {
        const startNs = processes.startNs[rows.process[i]!] ?? 0;
        const [joules, seconds] = [rows.counts[i]! * 1e-9, rows.timeNs[i]! / 1e9];
        all.joules += joules;
        all.seconds += seconds;
        const known = used.get(pid);
        if (!known || known.startNs < startNs) used.set(pid, { startNs, joules, seconds });
        if (known?.startNs !== startNs) continue;
        known.joules += joules;
        known.seconds += seconds;
      }
    };
    const pids = Array.from({ length: 50 }, (_, i) => load.start('sh', '-c', WAYS[i % WAYS.length]!));
    for (let i = 0; i < 12; i++) {
      await sleep(1000);
      await add();
    }
    // At rest, so that the scheduler's figure and ours are of the same moment.
    for (const pid of pids) process.kill(-pid, 'SIGSTOP');
    await waitFor('all to stop', () => (pids.every(isStopped) ? true : undefined));
    await add();
    const scheduled = pids.map(scheduledSeconds);
    await collector.close();

    const rate = all.joules / all.seconds;
    const judged = pids.flatMap((pid, i) =>
      scheduled[i]! > 0.1 ? [{ ...used.get(pid)!, kernels: scheduled[i]! }] : [],
    );
    expect(judged.length).toBeGreaterThan(20);
    const kernels = sum(judged.map((one) => one.kernels));
    // The kernel's figures end before the scheduler looks for other work, ours at the switch itself: that is now and
    // then some ms more. Small shares are learned slowly, and a clock also runs while the hypervisor keeps the CPU.
    const stolen = (cpuSeconds().stolen - stolenBefore) / all.seconds;
    expect(sum(judged.map((one) => Math.abs(one.seconds - one.kernels))) / kernels).toBeLessThan(0.02);
    expect(sum(judged.map((one) => Math.abs(one.joules / rate - one.seconds))) / kernels).toBeLessThan(
      0.05 + stolen,
    );
    const quantile = (list: number[], part: number): number =>
      list.toSorted((a, b) => a - b)[Math.floor(list.length * part)]!;
    const median = (list: number[]): number => quantile(list, 0.5);
    // Learning adds no noise where nothing is to be learned: the gate is shut after a tenth of a second of mixtures.
    const own = judged.map((one) => Math.abs(one.joules / (one.seconds * rate) - 1));
    expect(quantile(own, 0.9)).toBeLessThan(0.02 + stolen);
    // A few thousandths, or milliseconds of those that got less than a second: on a machine that others use as well most do.
    const errors = judged.map((one) => Math.abs(one.seconds - one.kernels) / Math.max(1, one.kernels));
    expect(median(errors)).toBeLessThan(5e-3);
    expect(median(judged.map((one) => Math.abs(one.joules / (one.kernels * rate) - 1)))).toBeLessThan(
      0.01 + stolen,
    );
  });
});
