// SPDX-License-Identifier: Apache-2.0
import { sum } from '../../../src/util/sum.ts';
import type { Charged } from './charges.ts';
import type { Truth } from './machine.ts';
import type { Task } from './tasks.ts';

/** Tasks are judged on their own above this energy, and above this part of what the mean task used. */
const WORTHWHILE_J = 0.1;
const WORTHWHILE_PART = 0.1;
/** In an interval of a second the first of them is less. */
const SHORT_S = 2;

/** How wrong charges are. All but the counts are fractions: 0 is right. */
export interface Verdict {
  /** Σ |charged - true| / Σ true over all tasks, once what tasks got is scaled to what they used: who used more than whom. */
  readonly share: number;
  /** The same as charged. */
  readonly misattributed: number;
  /** The share error of each task above 0.1 J: the 95th percentile, and the worst. */
  readonly p95: number;
  readonly worst: number;
  /** The share error of cgroups, and of executables. */
  readonly cgroups: number;
  readonly executables: number;
  /** Shared and idle: (charged - true) as a part of all energy, and the true part of it. */
  readonly other: number;
  readonly otherTrue: number;
  /** Parts of these tasks that are within one and two of the standard deviations told; null: none were told. */
  readonly within1: number | null;
  readonly within2: number | null;
  /** What is charged to anybody, less what was counted, as a part of it. */
  readonly residual: number;
  /** Part of the intervals (of packages) that are labelled as this way to split them. */
  readonly labelled: number;
}

export function judge(truth: Truth, charged: Charged, tasks: readonly Task[], seconds: number): Verdict {
  const trueJ = sum(truth.tasksJ);
  const chargedJ = sum(charged.tasksJ);
  const scale = chargedJ > 0 ? trueJ / chargedJ : 0;
  const scaled = charged.tasksJ.map((joules) => joules * scale);
  const otherJ = truth.sharedJ + truth.idleJ;
  const allJ = charged.sharedJ + charged.idleJ + charged.lostJ;
  const least = Math.max(
    (WORTHWHILE_PART * trueJ) / (tasks.length - 1),
    WORTHWHILE_J * (seconds < SHORT_S ? 0.1 : 1),
  );
  const judged = tasks.map(({ id }) => id).filter((id) => truth.tasksJ[id]! > least);
  const errors = judged
    .map((id) => Math.abs(scaled[id]! - truth.tasksJ[id]!) / truth.tasksJ[id]!)
    .toSorted((a, b) => a - b);
  return {
    share: difference(scaled, truth.tasksJ) / trueJ,
    misattributed: difference(charged.tasksJ, truth.tasksJ) / trueJ,
    p95: errors[Math.min(errors.length - 1, Math.floor(0.95 * errors.length))] ?? 0,
    worst: errors.at(-1) ?? 0,
    cgroups: grouped(tasks, ({ cgroup }) => cgroup, scaled, truth.tasksJ) / trueJ,
    executables: grouped(tasks, ({ comm }) => comm, scaled, truth.tasksJ) / trueJ,
    other: (charged.sharedJ + charged.idleJ - otherJ) / (trueJ + otherJ),
    otherTrue: otherJ / (trueJ + otherJ),
    within1: within(judged, truth.tasksJ, charged, scaled, 1),
    within2: within(judged, truth.tasksJ, charged, scaled, 2),
    residual: (chargedJ + allJ - charged.countedJ) / charged.countedJ,
    labelled: charged.labelled,
  };
}

function difference(some: Float64Array, other: Float64Array): number {
  return some.reduce((total, joules, i) => total + Math.abs(joules - other[i]!), 0);
}

/** Sum of the errors of groups of tasks, J. */
function grouped(
  tasks: readonly Task[],
  groupOf: (task: Task) => number | string,
  some: Float64Array,
  other: Float64Array,
): number {
  const errors = new Map<number | string, number>();
  for (const task of tasks) {
    const group = groupOf(task);
    errors.set(group, (errors.get(group) ?? 0) + some[task.id]! - other[task.id]!);
  }
  return sum([...errors.values()].map(Math.abs));
}

function within(
  judged: readonly number[],
  trueJ: Float64Array,
  { tasksJ, errorsJ }: Charged,
  scaled: Float64Array,
  sigmas: number,
): number | null {
  const told = judged.filter((id) => errorsJ[id]! > 0);
  if (told.length === 0) return null;
  const right = told.filter(
    (id) => Math.abs(scaled[id]! - trueJ[id]!) / trueJ[id]! <= (sigmas * errorsJ[id]!) / tasksJ[id]!,
  );
  return right.length / told.length;
}
