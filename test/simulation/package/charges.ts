// SPDX-License-Identifier: Apache-2.0
import { attribute, type Charges } from '../../../src/attribution/attribute.ts';
import type { Readings } from '../../../src/model/reading.ts';
import type { Attribution, PolledSource } from '../../../src/model/source.ts';
import type { Columns } from '../../../src/probe/columns.ts';

/** What was charged in some intervals, J. */
export interface Charged {
  /** By task. */
  readonly tasksJ: Float64Array;
  /** Standard deviation of that as it is told, NaN where it is not. */
  readonly errorsJ: Float64Array;
  readonly sharedJ: number;
  readonly idleJ: number;
  /** What was counted and charged to nobody because somebody found no room, or nothing is known. */
  readonly lostJ: number;
  /** What the counters counted. */
  readonly countedJ: number;
  /** Part of the intervals (of packages) that are labelled as what was asked for. */
  readonly labelled: number;
}

/** Adds up what is charged, interval by interval. */
export interface Account {
  add(columns: Columns, countedJ: readonly number[]): void;
  /** What was added since the last time. */
  take(tasks: number): Charged;
}

/** An account of a machine's packages, split by `attribution`. */
export function openAccount(threads: number, packages: number, attribution: Attribution): Account {
  const source = sourceOf(threads, packages, attribution);
  let all: Charges[] = [];

  return {
    add(columns, countedJ) {
      const readings: Readings = new Map(
        source.zones.map(({ id }, i) => [id, { kind: 'known', joules: countedJ[i]!, broken: false }]),
      );
      all.push(attribute(columns, source, [], readings));
    },
    take(tasks) {
      const taken = all;
      all = [];
      return sumUp(taken, tasks, attribution);
    },
  };
}

function sumUp(all: readonly Charges[], tasks: number, attribution: Attribution): Charged {
  const tasksJ = new Float64Array(tasks);
  const errorsJ = new Float64Array(tasks);
  for (const { processes } of all) {
    for (const { pid, joules, uncertainJoules } of processes) {
      tasksJ[pid]! += joules;
      errorsJ[pid]! += uncertainJoules ?? NaN;
    }
  }
  const zones = all.flatMap((charges) => charges.zones);
  const sum = (of: (zone: (typeof zones)[number]) => number): number =>
    zones.reduce((total, zone) => total + of(zone), 0);
  return {
    tasksJ,
    errorsJ,
    sharedJ: sum(({ sharedJoules }) => sharedJoules),
    idleJ: sum(({ idleJoules }) => idleJoules),
    lostJ:
      sum(({ gapJoules, lostJoules }) => gapJoules + lostJoules) +
      all.reduce((total, { unidentified }) => total + (unidentified?.joules ?? 0), 0),
    countedJ: sum(({ joules }) => joules),
    labelled: sum((zone) => (zone.attribution === attribution ? 1 : 0)) / zones.length,
  };
}

/** The packages as the source `power` has them. */
function sourceOf(threads: number, packages: number, attribution: Attribution): PolledSource {
  const width = threads / packages;
  return {
    name: 'power',
    scope: 'package',
    domain: 'cpu',
    zones: Array.from({ length: packages }, (_, i) => ({
      id: `package:${i}`,
      cpus: Array.from({ length: width }, (_unused, thread) => i * width + thread),
      lead: i * width,
    })),
    auxiliary: [],
    reader: 'user',
    kind: 'apportioned',
    counters: [],
    attribution,
    idleWeight: 1,
  };
}
