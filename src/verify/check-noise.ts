// SPDX-License-Identifier: Apache-2.0
import { blame, type Check, percent, pinnedTo, samplesOf, zoneOf, zonePower } from './check.ts';
import { periodOf } from './check-counter.ts';
import type { Observation } from './observation.ts';
import { mean, median, robustDeviation } from './statistics.ts';

/** Power of a steady load on a steady machine varies by 1 to 3 %; a counter that varies by three times that is not to be believed. */
const MOST_NOISE = 0.1;
/** Others that use this little of the CPUs make a package's power vary by several percent, since they come and go. */
const MOST_BUSY = 0.03;
/** Updates that are compared at once: when exactly each was seen matters little then, and what runs in between not more. */
const LAG = 9;
/** Of a period: what is seen later than this after the read before it may have come any time between. */
const MOST_LATE = 0.5;
/** Of a period: by how much updates may come earlier or later than a period after one another. */
const IRREGULAR = 0.1;
/** Fewer updates, or differences between intervals, show nothing of noise. */
const LEAST_UPDATES = 40;
const LEAST_DIFFERENCES = 6;

/**
 * How much the power that a counter shows of a steady load varies: from update to update, and from interval to interval. What
 * of the first was not judged is a check of its own.
 */
export function checkNoise(observation: Observation): Check[] {
  if (observation.source.reader === 'none')
    return [{ name: 'noise', result: 'cannot tell', text: 'there is no counter', figures: {} }];
  const byUpdate = noiseOfUpdates(observation);
  const noise = judged(observation, [
    { of: 'update', ...byUpdate },
    { of: 'interval', ...noiseOfIntervals(observation) },
  ]);
  return byUpdate.part === undefined ? [noise, notJudged(observation)] : [noise];
}

function judged(observation: Observation, found: readonly (Noise & { readonly of: string })[]): Check {
  const name = 'noise';
  const [byUpdate, byInterval] = found.map(({ part }) => part ?? null);
  const figures = { by_update: byUpdate ?? null, by_interval: byInterval ?? null };
  const known = found.filter(({ part }) => part !== undefined);
  if (known.length === 0)
    return {
      name,
      result: 'cannot tell',
      text: 'too few intervals and updates: give more --seconds',
      figures,
    };
  const text = known.map(({ of, part }) => `${percent(part!)} from ${of} to ${of}`).join(', ');
  const isNoisy = known.some(({ part, values }) => part! > MOST_NOISE * (1 + chanceOf(values)));
  if (isNoisy) {
    const said = `a steady load's power varies by ${text}: more than ${percent(MOST_NOISE)}`;
    return blame(observation, { name, text: said, figures }, MOST_BUSY);
  }
  if (known.some(({ part }) => part! > MOST_NOISE))
    return { name, result: 'cannot tell', text: `${text}, of too few values: give more --seconds`, figures };
  return { name, result: 'pass', text: `a steady load's power varies by ${text}`, figures };
}

function notJudged({ source, watch }: Observation): Check {
  const why =
    source.attribution === 'learned'
      ? 'the thread that learns from the counter is there first'
      : periodOf(watch).seconds === 0
        ? 'the counter changes faster than it can be read'
        : 'too few updates were seen singly';
  return {
    name: 'updates',
    result: 'not judged',
    text: `noise from update to update, since ${why}; over an interval it averages out`,
    figures: { seen: watch?.updates.length ?? 0, reads: watch?.reads ?? 0 },
  };
}

/** Relative standard error of a deviation that comes of a median, of so many values: 1.65 times that of the best estimate. */
function chanceOf(values: number): number {
  return 1.65 / Math.sqrt(2 * values);
}

interface Noise {
  /** Standard deviation, in parts of the mean; undefined: not known. */
  readonly part: number | undefined;
  /** Of how many independent values it was made. */
  readonly values: number;
}

const NOISE_UNKNOWN: Noise = { part: undefined, values: 0 };

/** An update that was seen: between which times it came, and what the counter showed from then on. */
interface Seen {
  readonly fromNs: number;
  readonly toNs: number;
  readonly joules: number;
}

/**
 * Either estimate has, beside the counter's noise, what is wrong with its own times: where the one who reads is often
 * held up, when each update came; where updates do not come regularly, that each is taken for a period's.
 */
function noiseOfUpdates({ source, watch }: Observation): Noise {
  // While a thread of ours learns from a counter it is there first at each update: from here they are seen too late.
  if (source.attribution === 'learned') return NOISE_UNKNOWN;
  const period = periodOf(watch).seconds;
  if (!watch || period === undefined || period === 0) return NOISE_UNKNOWN;
  const seen = watch.updates.map(({ ns, beforeNs, joules }) => ({ fromNs: beforeNs, toNs: ns, joules }));
  const estimates = [noiseByTime(seen, period * 1e9), noiseByNumber(seen)].filter(
    ({ part }) => part !== undefined,
  );
  return estimates.toSorted((a, b) => a.part! - b.part!)[0] ?? NOISE_UNKNOWN;
}

/**
 * The power over some updates is compared with that over the next ones: what changes more slowly, as where the scheduler
 * puts the one who reads, is not noise. By how much the time that an update is taken to have come at is wrong matters
 * little to the power over several; those that were seen late, since others ran meanwhile, are left out.
 */
function noiseByTime(updates: readonly Seen[], periodNs: number): Noise {
  const seen = updates.map(({ fromNs, toNs, joules }) => ({
    at: (fromNs + toNs) / 2,
    joules,
    isLate: toNs - fromNs > MOST_LATE * periodNs,
  }));
  const differences = seen.slice(2 * LAG).flatMap((last, i) => {
    const [first, middle] = [seen[i]!, seen[i + LAG]!];
    if (first.isLate || middle.isLate || last.isLate) return [];
    const one = (middle.joules - first.joules) / (middle.at - first.at);
    const other = (last.joules - middle.joules) / (last.at - middle.at);
    // Several updates may have come between two reads, and each adds to the variance of two means that are compared.
    const steps = (last.at - first.at) / 2 / periodNs;
    return one + other > 0 ? [relative(one, other) * Math.sqrt(steps / 2)] : [];
  });
  if (differences.length < LEAST_UPDATES) return NOISE_UNKNOWN;
  return { part: robustDeviation(differences), values: Math.floor(differences.length / LAG) };
}

/**
 * The energy of an update, by which nobody need know when it came: only how many came between two that were seen, where
 * that is certain.
 */
function noiseByNumber(seen: readonly Seen[]): Noise {
  const gaps = seen.slice(1).map((update, i) => {
    const before = seen[i]!;
    return {
      joules: update.joules - before.joules,
      leastNs: update.fromNs - before.toNs,
      mostNs: update.toNs - before.fromNs,
    };
  });
  const periodNs = usualGapNs(gaps);
  const steps = gaps.flatMap(({ joules, leastNs, mostNs }) => {
    const least = Math.max(1, Math.ceil(leastNs / periodNs - IRREGULAR));
    const most = Math.floor(mostNs / periodNs + IRREGULAR);
    return least === most ? [{ joules: joules / least, updates: least }] : [];
  });
  const differences = steps.slice(1).flatMap((step, i) => {
    const before = steps[i]!;
    const variance = 1 / before.updates + 1 / step.updates;
    return before.joules + step.joules > 0
      ? [relative(before.joules, step.joules) / Math.sqrt(variance)]
      : [];
  });
  if (differences.length < LEAST_UPDATES) return NOISE_UNKNOWN;
  return { part: robustDeviation(differences), values: Math.floor(differences.length / 2) };
}

/** The period, of distances that are well known: most are one period. NaN where there are none. */
function usualGapNs(gaps: readonly { readonly leastNs: number; readonly mostNs: number }[]): number {
  const exact = gaps
    .filter(({ leastNs, mostNs }) => mostNs - leastNs < MOST_LATE * mostNs)
    .map(({ leastNs, mostNs }) => (leastNs + mostNs) / 2);
  const usual = median(exact);
  return mean(exact.filter((gap) => Math.abs(gap - usual) < usual / 2));
}

/** By how much the other one is more, as a part of their mean. */
function relative(one: number, other: number): number {
  return (other - one) / ((one + other) / 2);
}

/** Differences between an interval and the next of the same segment: what changes slowly is not noise. */
function noiseOfIntervals(observation: Observation): Noise {
  const samples = samplesOf(observation, 'integer', 'memory', 'tour');
  const differences = samples.slice(1).flatMap((sample, i) => {
    const before = samples[i]!;
    const load = sample.arrangement === 'memory' ? 'memory' : 'integer';
    const zone = zoneOf(observation, pinnedTo(sample, load));
    if (zone === undefined || before.segment !== sample.segment) return [];
    const [one, other] = [zonePower(before, zone), zonePower(sample, zone)];
    return one + other > 0 ? [relative(one, other)] : [];
  });
  if (differences.length < LEAST_DIFFERENCES) return NOISE_UNKNOWN;
  return { part: robustDeviation(differences) / Math.SQRT2, values: differences.length };
}
