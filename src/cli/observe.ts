// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { type Descendants, descendantsOf } from '../identity/descendants.ts';
import type { Measurement, Meter } from '../meter.ts';
import { sumUsed } from '../attribution/used.ts';
import { sum } from '../util/sum.ts';
import { LOADS, type LoadName, type LoadUse, type Sample, type Watch } from '../verify/observation.ts';
import type { Segment } from '../verify/plan.ts';
import { type Load, startLoad } from './load.ts';

/** What is measured within the plan. */
export interface Seen {
  readonly samples: readonly Sample[];
  readonly watch: Watch | undefined;
  /** CPU seconds of others, by their executable. */
  readonly others: ReadonlyMap<string, number>;
}

export interface Observing {
  readonly meter: Meter;
  readonly plan: readonly Segment[];
  /** Reads the counter of the integer load's CPU in a loop; undefined where there is none. */
  readonly watch: () => Watch | undefined;
  /** Called where what is measured begins. */
  readonly begin: () => Promise<unknown>;
  /** Told before each segment. */
  readonly progress: (segment: Segment, index: number) => void;
  readonly stopped: AbortSignal;
}

/** A load settles for a part of its segment that is not judged, s at most. */
const SETTLING = { part: 0.15, most: 0.3 } as const;

/** A load, its process as the meter knows it, and the work it had done when it was asked last. */
interface Worker {
  readonly name: LoadName;
  readonly load: Load;
  readonly family: Descendants;
  work: number;
}

/**
 * Runs the loads by the plan and measures them. They rest, or are gone, when it ends, however it ends. Rejects with an
 * EnergyError, or, once `stopped` is aborted, with what that gives.
 */
export async function observe({ meter, plan, watch, begin, progress, stopped }: Observing): Promise<Seen> {
  await using workers = await startWorkers(meter);
  const samples: Sample[] = [];
  const others = new Map<string, number>();
  let watched: Watch | undefined;
  const take = async (segment: Pick<Sample, 'arrangement' | 'segment' | 'round' | 'cpus'>): Promise<void> => {
    const measurement = await meter.measure();
    samples.push(await sampleOf(measurement, workers.all, segment));
    addOthers(others, measurement, meter.ownPid, workers.all);
  };
  // What was before is none of the run's.
  await meter.measure();
  await begin();
  for (const [index, segment] of plan.entries()) {
    stopped.throwIfAborted();
    progress(segment, index);
    for (const { name, load } of workers.all) {
      const cpus = segment.cpus[name];
      await (cpus ? load.run(cpus) : load.rest());
    }
    const settling = Math.min(SETTLING.most, SETTLING.part * segment.seconds);
    await sleep(settling * 1000, undefined, { signal: stopped });
    if (segment.watched) watched = watch();
    await take({ ...segment, arrangement: 'between', segment: index });
    const interval = (segment.seconds - settling) / segment.intervals;
    for (let i = 0; i < segment.intervals; i++) {
      await sleep(interval * 1000, undefined, { signal: stopped });
      await take({ ...segment, segment: index });
    }
  }
  return { samples, watch: watched, others };
}

/** Each load is the first process that we fork after the one before is known. */
async function startWorkers(meter: Meter): Promise<{ readonly all: readonly Worker[] } & AsyncDisposable> {
  const all: Worker[] = [];
  const end = async (): Promise<void> => {
    await Promise.all(all.map(({ load }) => load[Symbol.asyncDispose]()));
  };
  try {
    await meter.measure();
    for (const name of LOADS) {
      const worker = { name, load: startLoad(name), family: descendantsOf(meter.ownPid), work: 0 };
      all.push(worker);
      await worker.load.rest();
      const { lifecycle } = await meter.measure();
      worker.family.follow(lifecycle);
    }
  } catch (error) {
    await end();
    throw error;
  }
  return { all, [Symbol.asyncDispose]: end };
}

async function readWork(workers: readonly Worker[]): Promise<readonly number[]> {
  const done: number[] = [];
  for (const worker of workers) {
    const before = worker.work;
    worker.work = await worker.load.work();
    done.push(worker.work - before);
  }
  return done;
}

async function sampleOf(
  measurement: Measurement,
  workers: readonly Worker[],
  during: Pick<Sample, 'arrangement' | 'segment' | 'round' | 'cpus'>,
): Promise<Sample> {
  const work = await readWork(workers);
  const uses = workers.map(({ family }, i) => usedBy(family, measurement, work[i]!));
  const { snapshot, charges, cpus } = measurement;
  const { totals, unattributed, self } = snapshot;
  // What a package counts beyond its cores is no counter of the source.
  const zones = snapshot.zones.filter(({ id }) => !id.startsWith('shared:'));
  const all = sum(charges.processes.map(({ seconds }) => seconds)) + (charges.unidentified?.seconds ?? 0);
  const { arrangement, segment, round } = during;
  return {
    arrangement,
    segment,
    round,
    cpus: during.cpus,
    seconds: snapshot.interval_s,
    loads: Object.fromEntries(workers.map(({ name }, i) => [name, uses[i]!])),
    zones: new Map(zones.map(({ id, counter_j }) => [id, counter_j])),
    counterJoules: sum(zones.map(({ counter_j }) => counter_j)),
    idleJoules: totals.idle_j,
    unknownJoules: unattributed.gap_j + unattributed.lost_j,
    openness: openness(measurement),
    otherSeconds: Math.max(0, all - self.cpu_time_s - sum(uses.map(({ cpuSeconds }) => cpuSeconds))),
    self: { joules: self.energy_j, cpuSeconds: self.cpu_time_s, switches: self.switches },
    rebinds: self.rebinds,
    resets: self.resets,
    skipped: self.skipped,
    switching: [...new Set(Array.from(cpus.cpu).filter((_, i) => cpus.switches[i]! > 0))],
  };
}

function usedBy(family: Descendants, { charges, lifecycle }: Measurement, work: number): LoadUse {
  family.follow(lifecycle);
  const own = sumUsed(charges.processes.filter(({ pid, startNs }) => family.has(pid, startNs)));
  // Of none the sum is exact, and it would seem that errors are stated.
  const isStated = charges.processes.some(({ uncertainJoules }) => uncertainJoules !== null);
  const errorJoules = isStated && !Number.isNaN(own.uncertainJoules) ? own.uncertainJoules : null;
  return { joules: own.joules, errorJoules, cpuSeconds: own.seconds, work };
}

function addOthers(
  others: Map<string, number>,
  { snapshot }: Measurement,
  ownPid: number,
  workers: readonly Worker[],
): void {
  const ours = new Set([ownPid, ...workers.map(({ load }) => load.pid)]);
  for (const { pid, executable, cpu_time_s } of snapshot.processes) {
    if (pid === null || !ours.has(pid)) others.set(executable, (others.get(executable) ?? 0) + cpu_time_s);
  }
}

/** What is counted and so small has no parts to speak of, J. */
const LEAST_JOULES = 1e-3;

/** By how much the worst of the sums that must be equal is off. */
function openness({ snapshot: { totals, processes, cgroups } }: Measurement): number {
  const differences = [
    totals.process_j + totals.idle_j + totals.unattributed_j - totals.counter_j,
    sum(processes.map(({ energy_j }) => energy_j)) - totals.process_j,
    sum(cgroups.map(({ energy_j }) => energy_j)) - totals.process_j,
  ];
  return Math.max(...differences.map(Math.abs)) / Math.max(totals.counter_j, LEAST_JOULES);
}
