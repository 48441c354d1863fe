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
  let sums = nothing();

  return {
    add(columns, countedJ) {
      const readings: Readings = new Map(
        source.zones.map(({ id }, i) => [id, { kind: 'known', joules: countedJ[i]!, broken: false }]),
      );
      addTo(sums, attribute(columns, source, [], readings), attribution);
    },
    take(tasks) {
      const { tasksJ, errorsJ, sharedJ, idleJ, lostJ, countedJ, zones, labelled } = sums;
      sums = nothing();
      return {
        tasksJ: Float64Array.from({ length: tasks }, (_, task) => tasksJ[task] ?? 0),
        errorsJ: Float64Array.from({ length: tasks }, (_, task) => errorsJ[task] ?? 0),
        sharedJ,
        idleJ,
        lostJ,
        countedJ,
        labelled: labelled / zones,
      };
    },
  };
}

interface Sums {
  readonly tasksJ: number[];
  readonly errorsJ: number[];
  sharedJ: number;
  idleJ: number;
  lostJ: number;
  countedJ: number;
  zones: number;
  labelled: number;
}

function nothing(): Sums {
  return {
    tasksJ: [],
    errorsJ: [],
    sharedJ: 0,
    idleJ: 0,
    lostJ: 0,
    countedJ: 0,
    zones: 0,
    labelled: 0,
  };
}

function addTo(sums: Sums, { processes, zones, unidentified }: Charges, attribution: Attribution): void {
  for (const { pid, joules, uncertainJoules } of processes) {
    for (let task = sums.tasksJ.length; task <= pid; task++) sums.tasksJ[task] = sums.errorsJ[task] = 0;
    sums.tasksJ[pid]! += joules;
    sums.errorsJ[pid]! += uncertainJoules ?? NaN;
  }
  sums.lostJ += unidentified?.joules ?? 0;
  for (const zone of zones) {
    sums.sharedJ += zone.sharedJoules;
    sums.idleJ += zone.idleJoules;
    sums.lostJ += zone.gapJoules + zone.lostJoules;
    sums.countedJ += zone.joules;
    sums.zones++;
    if (zone.attribution === attribution) sums.labelled++;
  }
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
