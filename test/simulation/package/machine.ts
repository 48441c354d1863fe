// SPDX-License-Identifier: Apache-2.0
import { JOULES_PER_COUNT } from '../counter.ts';
import { createRandom, hashName, type Random } from '../random.ts';
import { KIND } from '../trace.ts';
import { MS, SEC, US } from '../workload.ts';
import type { World } from './core.ts';
import type { PackageHardware } from './hardware.ts';
import type { LoadMaker } from './load.ts';
import { createPackage, type Package } from './package.ts';
import { createRecorder } from './recorder.ts';
import { createTasks, type Task } from './tasks.ts';

export interface MachineOptions {
  readonly name: string;
  readonly load: LoadMaker;
  /** Threads of all packages, two to a core. */
  readonly threads: number;
  readonly packages: number;
  readonly seed: number;
  readonly hardware: PackageHardware;
}

/** Who used what since the truth was taken the last time, J. */
export interface Truth {
  /** By task. */
  readonly tasksJ: Float64Array;
  readonly sharedJ: number;
  readonly idleJ: number;
}

/** What a meter gets to see of a second. */
export interface Second {
  /** Tasks that are new. */
  readonly tasks: readonly Task[];
  /** In the layout of trace.h. A CPU's are in order; those of two CPUs may be out of it by an update's time. */
  readonly records: Uint8Array;
  /** What each package's counter advanced, J. */
  readonly countedJ: readonly number[];
}

/** A machine whose packages have an energy counter each. CPUs 2n and 2n + 1 are the threads of core n. */
export interface Machine {
  /** All processes that ever ran. */
  readonly tasks: readonly Task[];
  /** Goes on for a second, at whose end the meter takes an interval from all CPUs. */
  goOn(): Second;
  takeTruth(): Truth;
}

interface Counted {
  readonly package: Package;
  readonly phaseNs: number;
  updates: number;
  dueNs: number;
  counts: number;
  takenCounts: number;
}

export function createMachine(options: MachineOptions): Machine {
  const { threads, packages, hardware, seed } = options;
  const random = createRandom(seed * 7919 + hashName(options.name) + threads * 31 + packages);
  const world = createWorld(options, random);
  const { recorder, tasks, nobody, skewNs } = world;
  const coresOf = (index: number): number[] =>
    Array.from({ length: threads / packages / 2 }, (_, i) => (index * threads) / packages / 2 + i);
  const counters = Array.from({ length: packages }, (_, index): Counted => {
    const phaseNs = (0.3 + 0.6 * random.uniform()) * MS;
    const its = createPackage(world, coresOf(index), random);
    return { package: its, phaseNs, updates: 0, dueNs: Math.round(phaseNs), counts: 0, takenCounts: 0 };
  });
  let endNs = 0;
  let announced = 1;

  const dueAfter = (counter: Counted): number => {
    const jitter = Math.max(-3, Math.min(3, random.normal()));
    const dueNs = counter.phaseNs + counter.updates * hardware.periodNs + hardware.jitterNs * jitter;
    return Math.max(Math.round(dueNs), counter.dueNs + 1 * US);
  };
  const update = (counter: Counted, zone: number): void => {
    counter.package.advance(counter.dueNs);
    counter.counts = counter.package.update();
    const seenNs = Math.round(counter.dueNs + lateness(hardware, random));
    recorder.record(KIND.edge, zone, seenNs, counter.counts);
    counter.updates++;
    counter.dueNs = dueAfter(counter);
  };

  return {
    tasks: tasks.all,
    goOn() {
      endNs += SEC;
      for (;;) {
        const zone = counters.reduce(
          (first, { dueNs }, i) => (dueNs < counters[first]!.dueNs ? i : first),
          0,
        );
        if (counters[zone]!.dueNs > endNs) break;
        update(counters[zone]!, zone);
      }
      for (const counter of counters) counter.package.advance(endNs);
      skewNs.forEach((skew, cpu) => recorder.record(KIND.drain, cpu, endNs + skew, 0));
      const fresh = tasks.all.slice(announced);
      announced = tasks.all.length;
      const countedJ = counters.map((counter) => {
        const counts = counter.counts - counter.takenCounts;
        counter.takenCounts = counter.counts;
        return counts * JOULES_PER_COUNT;
      });
      return { tasks: fresh, records: recorder.take(), countedJ };
    },
    takeTruth() {
      const tasksJ = Float64Array.from(tasks.all, ({ energyNj }) => energyNj * 1e-9);
      const truth = { tasksJ, sharedJ: nobody.sharedNj * 1e-9, idleJ: nobody.idleNj * 1e-9 };
      for (const task of tasks.all) task.energyNj = 0;
      nobody.sharedNj = nobody.idleNj = 0;
      return truth;
    },
  };
}

function createWorld({ load, threads, hardware, seed }: MachineOptions, random: Random): World {
  const tasks = createTasks(hardware, random, seed);
  return {
    hardware,
    seed,
    tasks,
    load: load({ cpus: threads, tasks, random: createRandom(seed * 31 + 5) }),
    recorder: createRecorder(),
    skewNs: Array.from({ length: threads }, () => Math.round(hardware.skewNs * random.normal())),
    nobody: { sharedNj: 0, idleNj: 0 },
  };
}

/** How much later than it happened an update is seen, ns. */
function lateness({ lateNs, outliers }: PackageHardware, random: Random): number {
  if (random.uniform() < outliers) return (100 + 300 * random.uniform()) * US;
  return Math.min(300 * US, Math.abs(lateNs * random.normal()));
}
