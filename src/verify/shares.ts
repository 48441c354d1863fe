// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { pinnedTo, samplesOf, zoneOf } from './check.ts';
import { type Arrangement, LOADS, type LoadName, type Observation, type Sample } from './observation.ts';
import { mean, quantile, squares } from './statistics.ts';

/** The arrangements in which both loads run. */
export const TOGETHER = ['turns', 'apart', 'free'] as const;
export type Together = (typeof TOGETHER)[number];

/** What a load was charged with in an arrangement, against what it was when it was alone. */
export interface Share {
  readonly load: LoadName;
  readonly arrangement: Together;
  /** W while it runs: J of a second of CPU time. */
  readonly alone: number;
  readonly together: number;
  /** together / alone - 1, the mean of the rounds. */
  readonly off: number;
  /** By how much that may be off by chance, once in 1,000 times, with twice what the meter itself states. */
  readonly error: number;
  /** Work in a second of CPU time, of that when it was alone. */
  readonly speed: number;
}

interface Rate {
  readonly watts: number;
  /** Standard deviation that the meter states, in parts; undefined where it states none. */
  readonly stated: number | undefined;
  readonly speed: number;
}

/** Less CPU time than this in a round is no measurement. */
const LEAST_CPU_SECONDS = 0.05;

/** What each load was charged with alone, W while it runs, over all rounds; NaN where it did not run. */
export function aloneWatts(observation: Observation, load: LoadName): number {
  const samples = samplesOf(observation, load).filter(({ round }) => round > 0);
  return rateOf(samples, load)?.watts ?? NaN;
}

/**
 * The shares that can be compared. Each round's are with the same round's, and how they scatter is taken from all together:
 * of three or four rounds of one alone little can be known.
 */
export function sharesOf(observation: Observation): readonly Share[] {
  const rounds = [...new Set(observation.samples.map(({ round }) => round))];
  const compared = TOGETHER.flatMap((arrangement) =>
    LOADS.flatMap((load) => {
      const pairs = rounds.flatMap((round) => {
        const alone = rateIn(observation, load, load, round);
        const together = rateIn(observation, arrangement, load, round);
        return alone && together ? [{ alone, together }] : [];
      });
      return pairs.length < 2 ? [] : [{ arrangement, load, pairs }];
    }),
  );
  const offs = compared.map(({ pairs }) =>
    pairs.map(({ alone, together }) => together.watts / alone.watts - 1),
  );
  const degrees = sum(offs.map(({ length }) => length - 1));
  const scatter = Math.sqrt(sum(offs.map(squares)) / degrees);
  return compared.map(({ arrangement, load, pairs }, i) => {
    const stated = pairs.map(({ alone, together }) => Math.hypot(alone.stated ?? 0, together.stated ?? 0));
    return {
      load,
      arrangement,
      alone: mean(pairs.map(({ alone }) => alone.watts)),
      together: mean(pairs.map(({ together }) => together.watts)),
      off: mean(offs[i]!),
      error: (quantile(degrees) * scatter) / Math.sqrt(pairs.length) + 2 * mean(stated),
      speed: mean(pairs.map(({ alone, together }) => together.speed / alone.speed)),
    };
  });
}

function rateIn(
  observation: Observation,
  arrangement: Arrangement,
  load: LoadName,
  round: number,
): Rate | undefined {
  // Round 0 is before anything is known of the loads.
  if (round === 0) return undefined;
  return rateOf(
    samplesOf(observation, arrangement).filter((sample) => sample.round === round),
    load,
  );
}

function rateOf(samples: readonly Sample[], load: LoadName): Rate | undefined {
  const uses = samples.flatMap(({ loads }) => loads[load] ?? []);
  const cpuSeconds = sum(uses.map((use) => use.cpuSeconds));
  if (cpuSeconds < LEAST_CPU_SECONDS) return undefined;
  const joules = sum(uses.map((use) => use.joules));
  const errors = uses.map(({ errorJoules }) => errorJoules);
  const stated = errors.includes(null) ? undefined : sum(errors.map(Number)) / joules;
  return { watts: joules / cpuSeconds, stated, speed: sum(uses.map(({ work }) => work)) / cpuSeconds };
}

/** Whether the energy of both loads may come from one counter in this arrangement: where they are free they may meet. */
export function mayShareCounter(observation: Observation, arrangement: Together): boolean {
  const { zones } = observation.source;
  if (arrangement !== 'apart' || zones.length === 1) return true;
  const sample = samplesOf(observation, arrangement)[0];
  return (
    sample !== undefined &&
    zoneOf(observation, pinnedTo(sample, 'integer')) === zoneOf(observation, pinnedTo(sample, 'memory'))
  );
}
