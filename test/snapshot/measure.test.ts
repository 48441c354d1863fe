// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createIdentifier } from '../../src/identity/identify.ts';
import { NO_COUNTER_EVENTS } from '../../src/model/counter-events.ts';
import type { Readings } from '../../src/model/reading.ts';
import type { Counter, PolledSource } from '../../src/model/source.ts';
import { LIFECYCLE } from '../../src/probe/columns.ts';
import { createFilter } from '../../src/snapshot/filter.ts';
import { createMeasure, type Measurement } from '../../src/snapshot/measure.ts';
import { columnsOf } from '../support/columns.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function counter(id: string, domain: Counter['domain']): Counter {
  const location = { via: 'powercap', path: '' } as const;
  return { id, domain, cpus: [0], joulesPerCount: 1, range: 0n, maxWatts: 1, location };
}

const source: PolledSource = {
  name: 'power',
  scope: 'package',
  domain: 'cpu',
  reader: 'user',
  kind: 'apportioned',
  counters: [counter('package:0', 'cpu')],
  idleWeight: 1,
  auxiliary: [counter('memory:0', 'memory')],
  zones: [{ id: 'package:0', cpus: [0], lead: 0 }],
};

/**
 * Three intervals of 2 s, in each of which a process uses 6 J and memory 1 J. It ends in the second one; that it was in
 * cgroup `/late` can be read from then on.
 */
async function measureThree(): Promise<Measurement[]> {
  const proc = temporaryDirectory();
  const measure = createMeasure({
    identifier: createIdentifier({
      proc,
      hierarchy: { version: 2, controller: null, id: 0, mount: null, mountRoot: '/', atRoot: true },
      bootTimeMs: 0,
    }),
    filter: createFilter({}),
    namer: undefined,
    ownPid: 9,
  });
  const readings: Readings = new Map([
    ['package:0', { kind: 'known', joules: 6, broken: false }],
    ['memory:0', { kind: 'known', joules: 1, broken: false }],
  ]);
  const measurements: Measurement[] = [];
  for (const [i, lostEvents] of [3, 5, 5].entries()) {
    if (i === 1) {
      mkdirSync(join(proc, '9'));
      writeFileSync(join(proc, '9/cgroup'), '0::/late\n');
      writeFileSync(join(proc, '9/stat'), '9 (meter) Z 1 9 9 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 100 0 0');
    }
    const columns = columnsOf({
      rows: [{ cpu: 0, pid: 9, start: 1e9, cgroup: 7, ms: 500, comm: 'meter' }],
      cpus: [{ cpu: 0 }],
      lifecycle: i === 1 ? [[LIFECYCLE.exit, 9, 1e9]] : [],
    });
    const interval = { columns: { ...columns, lostEvents }, seconds: 2, source, readings, skipped: i };
    const cores = [{ id: '0:0', package: '0', cpus: [0] }];
    measurements.push(await measure({ ...interval, cores, ...NO_COUNTER_EVENTS, rebinds: 3 }));
  }
  return measurements;
}

describe('an interval', () => {
  it('goes from the kernel and the counters to a snapshot', async () => {
    const measurements = await measureThree();
    expect(measurements.map(({ snapshot }) => snapshot.self.skipped)).toEqual([0, 1, 2]);
    for (const { snapshot, charges } of measurements) {
      expect(snapshot.processes).toMatchObject([{ pid: 9, executable: 'meter', energy_j: 6, power_w: 3 }]);
      expect(snapshot.totals).toMatchObject({ counter_j: 6, process_j: 6 });
      expect(snapshot.domains).toEqual([
        { id: 'memory:0', type: 'memory', kind: 'measured', parent: null, counter_j: 1 },
      ]);
      expect(charges.processes).toMatchObject([{ pid: 9, startNs: 1e9, joules: 6 }]);
    }
  });

  it('has its own events: those that were lost in it, and of its counters', async () => {
    const measurements = await measureThree();
    expect(measurements.map(({ snapshot }) => snapshot.self.lost)).toEqual([3, 2, 0]);
    expect(measurements[1]!.snapshot.self).toMatchObject({ rebinds: 3, gaps: 0, resets: 0, wraps: 0 });
  });

  it('looks again for what was not found in the last one', async () => {
    const measurements = await measureThree();
    expect(measurements.map(({ snapshot }) => snapshot.cgroups.map(({ path }) => path))).toEqual([
      ['(unknown)'],
      ['/late'],
      ['/late'],
    ]);
  });

  it('knows who has ended in it or before', async () => {
    const measurements = await measureThree();
    expect(measurements.map(({ snapshot }) => snapshot.processes[0]!.exited)).toEqual([false, true, true]);
    expect(measurements.map(({ lifecycle }) => lifecycle.kind.length)).toEqual([0, 1, 0]);
  });
});

describe('an interval of a package that is learned', () => {
  /** A second in which 7 and 8 ran for as long, and 7 drew twice as much, as far as that is `learned`. */
  async function measureOne(learned: boolean): Promise<Measurement['snapshot']> {
    const hierarchy = {
      version: 2,
      controller: null,
      id: 0,
      mount: null,
      mountRoot: '/',
      atRoot: true,
    } as const;
    const measure = createMeasure({
      identifier: createIdentifier({ proc: temporaryDirectory(), hierarchy, bootTimeMs: 0 }),
      filter: createFilter({}),
      namer: undefined,
      ownPid: 9,
    });
    const columns = columnsOf({
      rows: [
        { cpu: 0, pid: 7, start: 1e9, ms: 250, predicted: 2, predictedError: 0.2 },
        { cpu: 0, pid: 8, start: 1e9, ms: 250, predicted: 1, predictedError: 0.1 },
        { cpu: 0, pid: 0, ms: 500, predicted: 0.5 },
      ],
      cpus: [{ cpu: 0 }],
      packages: [{ zone: 0, learned, shared: 0.5 }],
    });
    const readings: Readings = new Map([['package:0', { kind: 'known', joules: 8, broken: false }]]);
    const { snapshot } = await measure({
      columns,
      seconds: 1,
      source: { ...source, attribution: 'learned' },
      readings,
      skipped: 0,
      cores: [{ id: '0:0', package: '0', cpus: [0] }],
      ...NO_COUNTER_EVENTS,
    });
    return snapshot;
  }

  it('says who used how much, how far that is to be trusted, and what is nobody’s', async () => {
    const { source: its, totals, unattributed, zones, cores, processes } = await measureOne(true);
    expect(its).toMatchObject({ kind: 'apportioned', attribution: 'learned' });
    expect(zones).toMatchObject([{ id: 'package:0', idle_j: 1, shared_j: 1, attribution: 'learned' }]);
    expect(totals).toEqual({ counter_j: 8, process_j: 6, idle_j: 1, unattributed_j: 1 });
    expect(unattributed).toEqual({ gap_j: 0, lost_j: 0, shared_j: 1 });
    expect(processes.map(({ pid, energy_j, energy_err_j }) => [pid, energy_j, energy_err_j])).toEqual([
      [7, 4, 0.4],
      [8, 2, 0.2],
    ]);
    // What is nobody's is no core's either.
    expect(cores).toMatchObject([{ counter_j: 7, idle_j: 1 }]);
  });

  it('says of an interval that was split by time that nobody knows how wrong that is', async () => {
    const { source: its, totals, processes } = await measureOne(false);
    expect(its.attribution).toBe('time');
    expect(totals).toEqual({ counter_j: 8, process_j: 6, idle_j: 1, unattributed_j: 1 });
    expect(processes.map(({ pid, energy_j, energy_err_j }) => [pid, energy_j, energy_err_j])).toEqual([
      [7, 3, null],
      [8, 3, null],
    ]);
  });
});
