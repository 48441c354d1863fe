// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { type Check, few, milliseconds, pinnedTo, zoneOf } from './check.ts';
import type { Observation, Sample, Watch } from './observation.ts';
import { LOADS } from './observation.ts';
import { mean, robustDeviation } from './statistics.ts';

/** A counter that stands still for longer than this, and than some of its periods, while a load runs, is broken. */
const LONGEST_STILL_S = 1;
const STILL_PERIODS = 5;
/** Registers move every millisecond; the counter of a guest that a hypervisor makes up, every second. */
const VIRTUAL_PERIOD_S = 0.1;

/** What `checkPeriod` found. */
interface Period {
  /** Time between two changes, s; 0: it changes from read to read, as a clock does; undefined: not seen. */
  readonly seconds: number | undefined;
  readonly jitterSeconds: number;
}

/** When a counter that was read in a loop changes. */
export function periodOf(watch: Watch | undefined): Period {
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
