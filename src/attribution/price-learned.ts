// SPDX-License-Identifier: Apache-2.0
import type { Readings } from '../model/reading.ts';
import type { Attribution, PolledSource } from '../model/source.ts';
import type { Joules } from '../model/units.ts';
import type { Columns } from '../probe/columns.ts';
import { polledPricing } from './price-polled.ts';
import type { Counted, Pricing } from './pricing.ts';
import { type GroupOfCpu, IDLE } from './reducer.ts';

/**
 * Prices of packages whose counters are learned from: what was predicted of rows and of the part that is nobody's is
 * scaled to what the counter counted, so that the ledger closes however wrong the predictions are. A package of which
 * something was not predicted is priced by time.
 */
export function learnedPricing(
  columns: Columns,
  source: PolledSource,
  readings: Readings,
  zoneOf: GroupOfCpu,
): Pricing {
  const byTime = polledPricing(columns, source, readings, zoneOf);
  const splits = predictionsOf(columns, source.zones.length, zoneOf).map((predicted, zone) =>
    splitOf(predicted, byTime.counted(zone, undefined)),
  );
  const { pid, timeNs, predictedJoules, predictedErrorJoules } = columns.rows;
  return {
    joulesOf(row, zone) {
      const split = splits[zone];
      if (!split) return byTime.joulesOf(row, zone);
      if (timeNs[row] === 0) return 0;
      if (split.attribution === 'learned') return scaled(predictedJoules[row]!, split);
      return timeNs[row]! * (pid[row] === IDLE ? split.idlePrice : split.taskPrice);
    },
    uncertainJoulesOf(row, zone) {
      if (timeNs[row] === 0) return 0;
      const split = splits[zone];
      return split?.attribution === 'learned' ? scaled(usable(predictedErrorJoules[row]!), split) : NaN;
    },
    counted(zone, charged) {
      const counted = byTime.counted(zone, charged);
      const split = splits[zone];
      return counted && split ? { ...counted, sharedJoules: split.sharedJoules } : counted;
    },
    attributionOf: (zone) => splits[zone]?.attribution ?? byTime.attributionOf!(zone),
  };
}

/** What is predicted of a package, J. NaN and what is negative or infinite spread to the sums. */
interface Predicted {
  /** Whether tasks are told apart. */
  learned: boolean;
  tasks: Joules;
  idle: Joules;
  /** Nobody's. */
  shared: Joules;
  /** Run time of tasks and of idle time, ns. */
  tasksNs: number;
  idleNs: number;
}

function predictionsOf({ rows, packages }: Columns, zones: number, zoneOf: GroupOfCpu): Predicted[] {
  const sums = Array.from({ length: zones }, (): Predicted => ({
    learned: true,
    tasks: 0,
    idle: 0,
    shared: NaN,
    tasksNs: 0,
    idleNs: 0,
  }));
  for (const [i, zone] of packages.zone.entries()) {
    const its = sums[zone];
    if (!its) continue;
    its.learned &&= packages.learned[i] === 1;
    const shared = usable(packages.sharedJoules[i]!);
    its.shared = Number.isNaN(its.shared) ? shared : its.shared + shared;
  }
  for (let row = 0; row < rows.cpu.length; row++) {
    const its = sums[zoneOf[rows.cpu[row]!] ?? -1];
    const ns = rows.timeNs[row]!;
    if (!its || ns === 0) continue;
    const joules = usable(rows.predictedJoules[row]!);
    if (rows.pid[row] === IDLE) {
      its.idle += joules;
      its.idleNs += ns;
    } else {
      its.tasks += joules;
      its.tasksNs += ns;
    }
  }
  return sums;
}

/** NaN for what can be no prediction. */
function usable(joules: Joules): Joules {
  return joules >= 0 ? joules : NaN;
}

/** How what a package's counter counted is split. */
interface Split {
  readonly attribution: Attribution;
  /** Σ of all that is predicted, which stands for `joules`. */
  readonly predicted: Joules;
  /** Counted, without gaps. */
  readonly joules: Joules;
  readonly sharedJoules: Joules;
  /** J per ns, where tasks are not told apart. */
  readonly taskPrice: number;
  readonly idlePrice: number;
}

/** undefined where nothing usable is predicted, or nothing was counted. */
function splitOf(its: Predicted, counted: Counted | undefined): Split | undefined {
  const { learned, tasks, idle, shared, tasksNs, idleNs } = its;
  const predicted = tasks + idle + shared;
  const joules = counted ? counted.joules - counted.gapJoules - counted.lostJoules : 0;
  if (!(predicted > 0 && predicted < Infinity && joules > 0)) return undefined;
  const share = { predicted, joules };
  const price = (part: Joules, ns: number): number => (ns > 0 ? scaled(part, share) / ns : 0);
  return {
    ...share,
    attribution: learned ? 'learned' : 'time',
    sharedJoules: scaled(shared, share),
    taskPrice: price(tasks, tasksNs),
    idlePrice: price(idle, idleNs),
  };
}

/** The quotient is at most 1, so that no prediction is too large or too small to be scaled. */
function scaled(part: Joules, { predicted, joules }: Pick<Split, 'predicted' | 'joules'>): Joules {
  return (part / predicted) * joules;
}
