// SPDX-License-Identifier: Apache-2.0
import { HARDWARE } from './physics.ts';
import { type Machine, replay } from './replay.ts';
import type { Charges, Trace } from './trace.ts';
import { IDLE, SEC } from './workload.ts';

/** Ways to attribute energy that others use, or that come to mind first: what any better way has to beat. */
export const BASELINES: Readonly<Record<string, (trace: Trace) => Charges>> = {
  naive: naive,
  'time in windows': timeWindows,
  'CPU time': cpuTime,
};

function account(trace: Trace): { charge: (task: number, counts: number) => void; charges: () => Charges } {
  const tasksJ = new Float64Array(trace.tasks.length);
  let idleJ = 0;
  return {
    charge(task, counts) {
      if (task === IDLE) idleJ += counts * trace.joulesPerCount;
      else tasksJ[task]! += counts * trace.joulesPerCount;
    },
    charges: () => ({ tasksJ, idleJ }),
  };
}

function zoneByCpu({ cpus, zones }: Trace): readonly number[] {
  return Array.from({ length: cpus }, (_, cpu) => zones.findIndex((zone) => zone.includes(cpu)));
}

/** What a counter advanced since it was last claimed; claims it. */
function claimer(trace: Trace): (machine: Machine, zone: number) => number {
  const claimed = new Float64Array(trace.zones.length);
  return ({ reading }, zone) => {
    const advance = reading[zone]! - claimed[zone]!;
    claimed[zone] = reading[zone]!;
    return advance;
  };
}

function addTime(times: Map<number, number>, task: number, ns: number): void {
  if (task !== IDLE && ns > 0) times.set(task, (times.get(task) ?? 0) + ns);
}

/**
 * Reads the counter at every switch and charges its advance to the task that leaves. The core's threads share one
 * last reading, and an idle thread leaves the advance to its busy sibling.
 */
export function naive(trace: Trace): Charges {
  const { charge, charges } = account(trace);
  const zones = zoneByCpu(trace);
  const claim = claimer(trace);
  replay(trace, {
    leave(machine, cpu) {
      const zone = zones[cpu]!;
      const task = machine.running[cpu]!;
      const busySibling = trace.zones[zone]!.some((sibling) => machine.running[sibling] !== IDLE);
      if (task !== IDLE || !busySibling) charge(task, claim(machine, zone));
    },
  });
  return charges();
}

/**
 * Reads the counter at every switch and shares out each advance by run time since the last one: first between the
 * core's threads, then, when a thread itself next switches, between the tasks that have run there. Idle pays where
 * nothing ran.
 */
export function timeWindows(trace: Trace): Charges {
  const { charge, charges } = account(trace);
  const zones = zoneByCpu(trace);
  const claim = claimer(trace);
  const since = new Float64Array(trace.cpus);
  const busy = new Float64Array(trace.cpus);
  const unpriced = new Float64Array(trace.cpus);
  const ran = zones.map(() => new Map<number, number>());

  const settle = ({ timeNs, running }: Machine, cpu: number): void => {
    const task = running[cpu]!;
    const ns = timeNs - since[cpu]!;
    since[cpu] = timeNs;
    addTime(ran[cpu]!, task, ns);
    if (task !== IDLE) busy[cpu]! += ns;
  };
  const divide = (counts: number, threads: readonly number[]): void => {
    const total = threads.reduce((sum, cpu) => sum + busy[cpu]!, 0);
    if (total === 0) charge(IDLE, counts);
    for (const cpu of threads) {
      if (total > 0) unpriced[cpu]! += (counts * busy[cpu]!) / total;
      busy[cpu] = 0;
    }
  };
  replay(trace, {
    leave(machine, cpu) {
      const threads = trace.zones[zones[cpu]!]!;
      const counts = claim(machine, zones[cpu]!);
      settle(machine, cpu);
      if (counts > 0) {
        for (const thread of threads) settle(machine, thread);
        divide(counts, threads);
      }
      // What was counted for tasks that have been settled already falls to the next ones.
      if (unpriced[cpu] === 0 || ran[cpu]!.size === 0) return;
      shareOut(unpriced[cpu]!, ran[cpu]!, charge);
      unpriced[cpu] = 0;
      ran[cpu]!.clear();
    },
  });
  for (const counts of unpriced) charge(IDLE, counts);
  return charges();
}

const USAGE_SECONDS = 5;

/**
 * Shares out what the whole package used in five seconds by CPU time, as Kepler, Scaphandre and PowerAPI do in
 * essence; less the power of sleeping cores, which it is told to the last digit, though no such meter knows it.
 */
export function cpuTime(trace: Trace): Charges {
  const { charge, charges } = account(trace);
  const claim = claimer(trace);
  const since = new Float64Array(trace.cpus);
  const times = new Map<number, number>();
  let startNs = 0;
  replay(trace, {
    leave({ timeNs, running }, cpu) {
      addTime(times, running[cpu]!, timeNs - since[cpu]!);
      since[cpu] = timeNs;
    },
    drained(machine) {
      const seconds = (machine.timeNs - startNs) / SEC;
      if (seconds < USAGE_SECONDS && machine.timeNs < trace.seconds * SEC) return;
      const counts = trace.zones.reduce((sum, _, zone) => sum + claim(machine, zone), 0);
      const asleep = (trace.zones.length * HARDWARE.deepW * seconds) / trace.joulesPerCount;
      charge(IDLE, Math.min(asleep, counts));
      shareOut(counts - Math.min(asleep, counts), times, charge);
      times.clear();
      startNs = machine.timeNs;
    },
  });
  return charges();
}

function shareOut(
  counts: number,
  times: ReadonlyMap<number, number>,
  charge: (task: number, counts: number) => void,
): void {
  let total = 0;
  for (const ns of times.values()) total += ns;
  if (total === 0) charge(IDLE, counts);
  for (const [task, ns] of times) charge(task, (counts * ns) / total);
}
