// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { attribute } from '../../src/attribution/attribute.ts';
import { createAuxiliary } from '../../src/attribution/auxiliary.ts';
import { openCollector } from '../../src/probe/collector.ts';
import { openPoller } from '../../src/counters/poller.ts';
import { onlineCores } from '../../src/host/cpus.ts';
import { selectSource } from '../../src/sources/select.ts';
import type { Reading } from '../../src/model/reading.ts';
import type { Counter, EnergySource, PerfEvent } from '../../src/model/source.ts';
import { describeOnKernel, TSC } from '../support/kernel.ts';
import { METER } from '../../src/settings/table.ts';
import { sum } from '../../src/util/sum.ts';

function tsc(): EnergySource & { readonly reader: 'bpf' } {
  const { source } = selectSource({ spec: TSC, sys: '/sys', proc: '/proc' });
  if (source.reader !== 'bpf') throw new Error('the TSC is read by BPF');
  return source;
}

function joulesOf(reading: Reading | undefined): number {
  if (!reading || reading.kind === 'unknown') throw new Error('the TSC is never unknown');
  return reading.joules;
}

/** A perf event that user space reads, as a package that holds `cpus`. */
function asPackage(event: PerfEvent, cpus: readonly number[], joulesPerCount: number): Counter {
  const location = { via: 'perf', event, cpu: cpus[0]! } as const;
  return { id: 'package:0', domain: 'cpu', cpus, joulesPerCount, range: 0n, maxWatts: Infinity, location };
}

describeOnKernel('perf events that user space reads', () => {
  it('count as those that BPF reads, and what a package counts beyond its cores is shared', async () => {
    const plain = tsc();
    const cpus = plain.zones.flatMap((zone) => zone.cpus);
    // A package that draws half as much again as its CPUs.
    const pkg = asPackage(plain.event, cpus, plain.joulesPerCount * cpus.length * 1.5);
    const source = { ...plain, auxiliary: [pkg] };
    const collector = await openCollector({
      source,
      rediscover: () => source,
      sys: '/sys',
      hierarchy: { controller: null, id: 0 },
      followForks: false,
      maxTasks: METER.maxTasks.fallback!,
    });
    const lines: string[] = [];
    const log = (line: string): number => lines.push(line);
    const poller = await openPoller({ counters: source.auxiliary, needed: source.auxiliary, log });
    const auxiliary = createAuxiliary();
    const sums = { zones: 0, pkg: 0, shared: 0 };
    for (let i = 0; i < 4; i++) {
      await sleep(300);
      const { columns } = await collector.drain();
      const { readings } = await poller.take(source.auxiliary);
      const { zones } = attribute(columns, source, onlineCores('/sys'), readings);
      const all = auxiliary.charge(source, zones, readings).zones;
      auxiliary.settle();
      expect(all.map(({ parent }) => parent)).toEqual(all.map(() => 'package:0'));
      sums.zones += sum(all.map(({ joules }) => joules));
      sums.shared += sum(all.map(({ sharedJoules }) => sharedJoules));
      sums.pkg += joulesOf(readings.get('package:0'));
    }
    await poller.close();
    await collector.close();
    expect(lines).toEqual([]);
    expect(sums.zones / sums.pkg).toBeCloseTo(1, 9);
    // The TSC runs alike on all CPUs, whether BPF reads it or we do.
    expect(sums.shared / sums.pkg).toBeCloseTo(1 / 3, 1);
  });

  it('keep what was read while nobody asked, when they go over to another CPU', async () => {
    const { event, joulesPerCount, zones } = tsc();
    const [from, to] = zones.map(({ lead }) => asPackage(event, [lead], joulesPerCount));
    const lines: string[] = [];
    const log = (line: string): number => lines.push(line);
    const begun = performance.now();
    const poller = await openPoller({ counters: [from!], needed: [from!], log, periodMs: 20 });
    const opened = performance.now();
    await sleep(300);
    const asked = performance.now();
    const { readings, ...events } = await poller.take([to!]);
    const taken = performance.now();
    await sleep(300);
    const askedAgain = performance.now();
    const next = await poller.take([to!]);
    const takenAgain = performance.now();
    await poller.close();
    expect(events).toEqual({ rebinds: 1, gaps: 0, resets: 0, wraps: 0 });
    expect(lines).toEqual(['event=rebind counter=package:0']);
    expect(readings.get('package:0')!.broken).toBe(false);
    // All CPUs' clocks run alike: as much was counted across the change as after it. Each was read while its call lasted.
    const [joules, nextJoules] = [readings, next.readings].map((each) => joulesOf(each.get('package:0')));
    const [leastPerMs, mostPerMs] = [nextJoules! / (takenAgain - asked), nextJoules! / (askedAgain - taken)];
    expect(joules).toBeGreaterThan(leastPerMs * (asked - opened) * 0.99);
    expect(joules).toBeLessThan(mostPerMs * (taken - begun) * 1.01);
  });

  it('are refused with what the kernel says, where it has no such event', async () => {
    const { event } = tsc();
    const lines: string[] = [];
    const wrong = asPackage({ ...event, config: 0xffffn }, [0], 1);
    const poller = await openPoller({ counters: [wrong], needed: [], log: (line) => lines.push(line) });
    await poller.close();
    expect(lines).toEqual([
      expect.stringMatching(/^package:0 cannot be read: cannot open the perf event \(E/),
    ]);
  });
});
