// SPDX-License-Identifier: Apache-2.0
import { replay } from './replay.ts';
import type { Charges, Trace } from './trace.ts';
import { IDLE, MS } from './workload.ts';

/** Tasks below this are too small for an error of their own, J: a dozen units of the counter. */
const WORTHWHILE_J = 0.2e-3;
/** A young task that ran within this time of the end may not have been charged yet. */
const UNSETTLED_NS = 3 * MS;
const YOUNG_NS = 100 * MS;

/** How wrong charges are. All are fractions: 0 is right. */
export interface Verdict {
  /** Σ |charged - true| / Σ true over all tasks. */
  readonly misattributed: number;
  /** |charged - true| / true per task of at least 0.2 mJ: its mean, the 95th percentile, the worst. */
  readonly mean: number;
  readonly p95: number;
  readonly worst: number;
  /** (charged - true) of idle, as a part of all true energy. */
  readonly idle: number;
  /** What is charged to tasks and idle, less what the counters counted, as a part of that. */
  readonly residual: number;
}

/**
 * Compares charges with the truth. Left out are tasks the scheduler never ran (an interrupt's energy can only go to
 * what it interrupted, whose error it is) and short ones that ran in the last three milliseconds.
 */
export function judge(trace: Trace, charged: Charges): Verdict {
  const { truth } = trace;
  const { judged, counts } = observe(trace);
  const errors: number[] = [];
  let wrongJ = 0;
  let trueJ = 0;
  for (const task of judged) {
    const energyJ = truth.tasksJ[task]!;
    const errorJ = Math.abs(charged.tasksJ[task]! - energyJ);
    wrongJ += errorJ;
    trueJ += energyJ;
    if (energyJ >= WORTHWHILE_J) errors.push(errorJ / energyJ);
  }
  errors.sort((a, b) => a - b);
  const countedJ = counts * trace.joulesPerCount;
  const chargedJ = charged.tasksJ.reduce((sum, joules) => sum + joules, charged.idleJ);
  return {
    misattributed: wrongJ / trueJ,
    mean: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    p95: errors[Math.floor(0.95 * errors.length)] ?? NaN,
    worst: errors.at(-1) ?? NaN,
    idle: (charged.idleJ - truth.idleJ) / (trueJ + truth.idleJ),
    residual: (chargedJ - countedJ) / countedJ,
  };
}

/** The tasks to be judged, and what all counters counted. */
function observe(trace: Trace): { judged: readonly number[]; counts: number } {
  const lastNs = new Float64Array(trace.tasks.length).fill(-Infinity);
  let counts = 0;
  replay(trace, {
    leave({ timeNs, running }, cpu) {
      lastNs[running[cpu]!] = timeNs;
    },
    drained({ reading }) {
      counts = reading.reduce((sum, counted) => sum + counted, 0);
    },
  });
  const endNs = trace.seconds * 1e9;
  const judged = trace.tasks.flatMap(({ startNs }, task) => {
    const last = lastNs[task]!;
    const unsettled = last > endNs - UNSETTLED_NS && last - startNs < YOUNG_NS;
    return task !== IDLE && last > 0 && !unsettled && trace.truth.tasksJ[task]! > 0 ? [task] : [];
  });
  return { judged, counts };
}
