// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { blame, type Check, percent, samplesOf, watts } from './check.ts';
import { LOADS, type LoadName, type Observation } from './observation.ts';
import { type Share, mayShareCounter, sharesOf, type Together, TOGETHER } from './shares.ts';

/**
 * What a load may be charged with together beyond or below what it was alone. In turns on one CPU nothing about it
 * changes: 5 % is what the meter is held to in simulation. On another core the same work draws some percent more or less,
 * as voltage and caches are shared.
 */
const TOLERANCE: Readonly<Record<Together, number>> = { turns: 0.05, apart: 0.1, free: 0.1 };
/** Where powers are learned from the counter of a package, which shows one sum for all that runs. */
const TOLERANCE_LEARNED = 0.15;
/**
 * A load that is slowed down draws less: with clock and voltage, power falls by up to the third power, but not by more
 * than half, since waiting draws as well. One that runs faster draws more likewise.
 */
const POWER_OF_SPEED = 3;
const MOST_BY_SPEED = 0.5;
/** Of the samples: what is learned in so many is judged as learned, and in as few as by time. */
const MOSTLY = 0.9;
/** Loads that draw alike, within this, are charged alike by any way of sharing out. */
const ALIKE = 0.1;
/** Split by time, a second of CPU time is worth the same whoever has it, but for intervals that one had more of. */
const BY_TIME = 0.03;

const WORDS: Readonly<Record<Together, string>> = {
  turns: 'in turns on one CPU',
  apart: 'on different cores',
  free: 'wherever the scheduler puts them',
};

/** For each arrangement that was run: whether both loads were charged with what they were alone. */
export function checkShares(observation: Observation): readonly Check[] {
  const shares = sharesOf(observation);
  return TOGETHER.flatMap((arrangement) => {
    const own = shares.filter((share) => share.arrangement === arrangement);
    const wasRun = samplesOf(observation, arrangement).length > 0;
    return wasRun ? [checkShare(observation, arrangement, own)] : [];
  });
}

function checkShare(observation: Observation, arrangement: Together, shares: readonly Share[]): Check {
  const name = arrangement;
  if (observation.source.reader === 'none')
    return { name, result: 'expected', text: 'an estimate charges CPU time, whatever runs', figures: {} };
  if (shares.length < LOADS.length || shares.some(({ off, error }) => !Number.isFinite(off + error)))
    return {
      name,
      result: 'cannot tell',
      text: `${WORDS[arrangement]}: the loads were charged with nothing, or had too little CPU time`,
      figures: {},
    };
  const figures = Object.fromEntries(
    shares.flatMap(({ load, off, error }) => [
      [load, off],
      [`${load}_error`, error],
    ]),
  );
  const found = shares.map(({ load, off, error }) => `${load} ${signed(off)} ± ${percent(error)}`).join(', ');
  const text = `${WORDS[arrangement]}: ${found} of what it was alone`;
  const byNature = judgeByNature(observation, arrangement, shares);
  if (byNature)
    return { name, figures, ...byNature, text: `${WORDS[arrangement]}: ${found}: ${byNature.text}` };
  const judged = shares.map((share) => ({ ...share, ...toleranceOf(observation, share) }));
  const wrong = judged.filter((share) => !isWithin(observation, share));
  if (wrong.length > 0) {
    const [{ off, less, more }] = wrong as [(typeof judged)[number]];
    const said = `${text}: more than ${percent(off < 0 ? less : more)} off`;
    return blame(observation, { name, text: said, figures });
  }
  if (judged.some(({ error, less, more }) => error > 2 * Math.max(less, more)))
    return { name, result: 'cannot tell', text: `${text}: too uncertain; give more --seconds`, figures };
  return { name, result: 'pass', text, figures };
}

/** By how much less, or more, a load may have drawn than when it was alone. */
function toleranceOf(
  { source }: Observation,
  { arrangement, speed }: Share,
): { readonly less: number; readonly more: number } {
  const own = source.reader === 'bpf' ? TOLERANCE[arrangement] : TOLERANCE_LEARNED;
  const bySpeed = (change: number): number => Math.min(MOST_BY_SPEED, POWER_OF_SPEED * Math.max(0, change));
  return { less: own + bySpeed(1 - speed), more: own + bySpeed(speed - 1) };
}

function isWithin(observation: Observation, share: Share): boolean {
  const { less, more } = toleranceOf(observation, share);
  return share.off >= -less - share.error && share.off <= more + share.error;
}

/**
 * What is to be said where the loads are charged otherwise than alone by the nature of the source; undefined where they
 * should not be. A counter that is split by time charges the mean of what runs under it: the thrifty pay for the others.
 */
function judgeByNature(
  observation: Observation,
  arrangement: Together,
  shares: readonly Share[],
): Pick<Check, 'result' | 'text'> | undefined {
  const { reader, scope, zones } = observation.source;
  if (reader === 'bpf' || !mayShareCounter(observation, arrangement)) return undefined;
  const learned = learnedPart(observation, arrangement);
  if (learned >= MOSTLY) return undefined;
  const alike = Math.abs(drawn(observation, 'integer') / drawn(observation, 'memory') - 1) < ALIKE;
  if (alike && shares.every((share) => isWithin(observation, share))) return undefined;
  if (learned > 1 - MOSTLY)
    return { result: 'cannot tell', text: 'powers were still being learned: give more --seconds' };
  const by = `the counter of a ${scope} is split by time`;
  // Under several counters they meet now and then.
  if (arrangement === 'free' && zones.length > 1)
    return { result: 'expected', text: `${by}, among those that happen to run under it` };
  const [one, other] = shares as [Share, Share];
  const differs = Math.abs(one.together / other.together - 1) > BY_TIME + Math.max(one.error, other.error);
  return differs
    ? {
        result: 'fail',
        text: `${by}, which should give both the same, and gave ${watts(one.together)} and ${watts(other.together)}`,
      }
    : {
        result: 'expected',
        text: `${by}, which gives both ${watts(one.together)}; who of them drew how much it cannot tell`,
      };
}

/** W that a load added to all counters, alone on its CPU. */
export function drawn(observation: Observation, load: LoadName): number {
  const power = (arrangement: 'rest' | LoadName): number => {
    const samples = samplesOf(observation, arrangement);
    const seconds = sum(samples.map((sample) => sample.seconds));
    return sum(samples.map(({ counterJoules }) => counterJoules)) / seconds;
  };
  return power(load) - power('rest');
}

/** Of what part of the loads' samples the meter states an error: it does where it has learned powers. */
function learnedPart(observation: Observation, arrangement: Together): number {
  const uses = samplesOf(observation, arrangement).flatMap(({ loads }) =>
    LOADS.flatMap((load) => loads[load] ?? []),
  );
  return uses.filter(({ errorJoules }) => errorJoules !== null).length / uses.length;
}

function signed(part: number): string {
  return `${part < 0 ? '−' : '+'}${percent(Math.abs(part))}`;
}
