// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import {
  blame,
  type Check,
  few,
  milliseconds,
  percent,
  pinnedTo,
  samplesOf,
  zoneOf,
  zonePower,
} from './check.ts';
import type { Observation, Sample, Watch } from './observation.ts';
import { LOADS } from './observation.ts';
import { mean, robustDeviation } from './statistics.ts';

/** A counter that stands still for longer than this, and than some of its periods, while a load runs, is broken. */
const LONGEST_STILL_S = 1;
const STILL_PERIODS = 5;
/** Registers move every millisecond; the counter of a guest that a hypervisor makes up, every second. */
const VIRTUAL_PERIOD_S = 0.1;
/** Power of a steady load on a steady machine varies by 1 to 3 %; a counter that varies by three times that is not to be believed. */
const MOST_NOISE = 0.1;
/** Others that use this little of the CPUs make a package's power vary by several percent, since they come and go. */
const MOST_BUSY = 0.03;
/** Updates that are compared at once: when exactly each was seen matters little then, and what runs in between not more. */
const LAG = 9;
/** Of a period: what is seen later than this after the read before it may have come any time between. */
const MOST_LATE = 0.5;
/** Fewer updates, or differences between intervals, show nothing of noise. */
const LEAST_UPDATES = 40;
const LEAST_DIFFERENCES = 6;

/** What `checkPeriod` found. */
interface Period {
  /** Time between two changes, s; 0: it changes from read to read, as a clock does; undefined: not seen. */
  readonly seconds: number | undefined;
  readonly jitterSeconds: number;
}

function periodOf(watch: Watch | undefined): Period {
  const times = (watch?.updates ?? []).map(({ ns }) => ns / 1e9);
  if (!watch || times.length < 3) return { seconds: undefined, jitterSeconds: NaN };
  if (times.length > 0.9 * watch.reads) return { seconds: 0, jitterSeconds: 0 };
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  // The mean: where reads are slow, the median is a multiple of theirs.
  const seconds = mean(gaps);
  return { seconds, jitterSeconds: robustDeviation(gaps.map((gap) => gap - seconds)) };
}

/** How often the counter moves: how fine energy can be told apart in time. */
export function checkPeriod({ source, watch }: Observation): Check {
  const name = 'period';
  const { seconds, jitterSeconds } = periodOf(watch);
  const figures = { period_s: seconds ?? null, jitter_s: seconds === undefined ? null : jitterSeconds };
  if (source.reader === 'none') return { name, result: 'cannot tell', text: 'there is no counter', figures };
  if (seconds === undefined) {
    const reads = watch ? `${watch.reads} reads in ${watch.seconds.toFixed(1)} s` : 'no reads';
    const text = `the counter changed ${watch?.updates.length ?? 0} times in ${reads}`;
    return { name, result: 'cannot tell', text, figures };
  }
  if (seconds === 0) return { name, result: 'pass', text: 'changes from read to read', figures };
  const text = `changes every ${milliseconds(seconds)} ± ${milliseconds(jitterSeconds)}`;
  if (seconds < VIRTUAL_PERIOD_S) return { name, result: 'pass', text, figures };
  const virtual = `${text}: a hypervisor makes it up, as this guest's part of what the host used`;
  return { name, result: 'cannot tell', text: virtual, figures };
}

/** Whether every counter moves while a load runs on a CPU that it counts. */
export function checkMoves(observation: Observation): Check {
  const name = 'moves';
  const { source, samples, watch } = observation;
  if (source.reader === 'none')
    return { name, result: 'cannot tell', text: 'there is no counter', figures: {} };
  const most = Math.max(LONGEST_STILL_S, STILL_PERIODS * (periodOf(watch).seconds ?? 0));
  const loaded = source.zones.flatMap(({ id }) => {
    const stretches = stillWhileLoaded(observation, id);
    return stretches === undefined ? [] : [{ id, ...stretches }];
  });
  const still = loaded.filter(({ longest, counted }) => longest > most || counted === 0);
  const worst = Math.max(0, ...loaded.map(({ longest }) => longest));
  const figures = { counters: loaded.length, still: still.length, longest_still_s: worst };
  if (still.length > 0) {
    const names = few(still.map(({ id }) => id));
    const stood = still.every(({ counted }) => counted === 0)
      ? `stood still over all ${sum(samples.map(({ seconds }) => seconds)).toFixed(0)} s`
      : `stood still for ${worst.toFixed(1)} s`;
    return { name, result: 'fail', text: `${names} ${stood} while a load ran there: frozen`, figures };
  }
  const text = `each of ${loaded.length} counters that had a load moved with it`;
  return { name, result: 'pass', text, figures };
}

/** Of a counter with a load: the longest time that it stood still under it, s, and all that it ever counted, J. */
function stillWhileLoaded(
  observation: Observation,
  zone: string,
): { readonly longest: number; readonly counted: number } | undefined {
  const { samples } = observation;
  const isLoaded = (sample: Sample): boolean =>
    sample.arrangement !== 'between' &&
    LOADS.some((load) => zoneOf(observation, pinnedTo(sample, load)) === zone);
  if (!samples.some(isLoaded)) return undefined;
  let [longest, stretch] = [0, 0];
  for (const sample of samples) {
    stretch = isLoaded(sample) && (sample.zones.get(zone) ?? 0) <= 0 ? stretch + sample.seconds : 0;
    longest = Math.max(longest, stretch);
  }
  return { longest, counted: sum(samples.map(({ zones }) => zones.get(zone) ?? 0)) };
}

/** How much the power that a counter shows of a steady load varies: from update to update, and from interval to interval. */
export function checkNoise(observation: Observation): Check {
  const name = 'noise';
  const { source, watch } = observation;
  if (source.reader === 'none')
    return { name, result: 'cannot tell', text: 'there is no counter', figures: {} };
  // While a thread of ours learns from a counter it is there first at each update: from here they are seen too late.
  const isLearned = source.attribution === 'learned';
  const found = [
    { of: 'update', ...(isLearned ? NOISE_UNKNOWN : noiseOfUpdates(watch)) },
    { of: 'interval', ...noiseOfIntervals(observation) },
  ];
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

/**
 * The power over some updates is compared with that over the next ones: what changes more slowly, as where the scheduler
 * puts the one who reads, is not noise. By how much the time that an update is taken to have come at is wrong matters
 * little to the power over several; those that were seen late, since others ran meanwhile, are left out.
 */
function noiseOfUpdates(watch: Watch | undefined): Noise {
  const period = periodOf(watch).seconds;
  if (!watch || period === undefined || period === 0) return NOISE_UNKNOWN;
  const periodNs = period * 1e9;
  const seen = watch.updates.map(({ ns, beforeNs, joules }) => ({
    at: (ns + beforeNs) / 2,
    joules,
    isLate: ns - beforeNs > MOST_LATE * periodNs,
  }));
  const differences = seen.slice(2 * LAG).flatMap((last, i) => {
    const [first, middle] = [seen[i]!, seen[i + LAG]!];
    if (first.isLate || middle.isLate || last.isLate) return [];
    const one = (middle.joules - first.joules) / (middle.at - first.at);
    const other = (last.joules - middle.joules) / (last.at - middle.at);
    // Several updates may have come between two reads, and each adds to the variance of two means that are compared.
    const steps = (last.at - first.at) / 2 / periodNs;
    return one + other > 0 ? [((other - one) / ((one + other) / 2)) * Math.sqrt(steps / 2)] : [];
  });
  if (differences.length < LEAST_UPDATES) return NOISE_UNKNOWN;
  return { part: robustDeviation(differences), values: Math.floor(differences.length / LAG) };
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
    return one + other > 0 ? [(other - one) / ((one + other) / 2)] : [];
  });
  if (differences.length < LEAST_DIFFERENCES) return NOISE_UNKNOWN;
  return { part: robustDeviation(differences) / Math.SQRT2, values: differences.length };
}
