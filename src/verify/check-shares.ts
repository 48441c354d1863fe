// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { blame, type Check, percent, samplesOf, watts } from './check.ts';
import { LOADS, type LoadName, type Observation } from './observation.ts';
import { type Share, shareCounter, sharesOf, type Together, TOGETHER } from './shares.ts';

/**
 * What a load may be charged with together beyond or below what it was alone. In turns on one CPU nothing about it
 * changes: 5 % is what the meter is held to in simulation. On another core the same work draws some percent more or less,
 * as voltage and caches are shared.
 */
const TOLERANCE: Readonly<Record<Together, number>> = { turns: 0.05, apart: 0.1, free: 0.1 };
/** Where powers are learned from the counter of a package, which shows one sum for all that runs. */
const TOLERANCE_LEARNED = 0.15;
/** A load that is slowed down draws less: with clock and voltage, power falls by up to the third power. */
const POWER_OF_SPEED = 3;
/** Loads that draw alike, within this, are charged alike by any way of sharing out. */
const ALIKE = 0.1;
/** By time, a second of CPU time is worth the same whoever has it. */
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
  const expected = expectation(observation, arrangement, shares);
  if (expected !== undefined)
    return { name, result: 'expected', text: `${WORDS[arrangement]}: ${found}: ${expected}`, figures };
  const judged = shares.map((share) => ({ ...share, most: toleranceOf(observation, share) }));
  const wrong = judged.filter(({ off, error, most }) => Math.abs(off) > most + error);
  if (wrong.length > 0) {
    const most = Math.max(...wrong.map((one) => one.most));
    return blame(observation, { name, text: `${text}: more than ${percent(most)}`, figures });
  }
  if (judged.some(({ error, most }) => error > 2 * most))
    return { name, result: 'cannot tell', text: `${text}: too uncertain; give more --seconds`, figures };
  return { name, result: 'pass', text, figures };
}

function toleranceOf({ source }: Observation, { arrangement, speed }: Share): number {
  const own = source.kind === 'measured' ? TOLERANCE[arrangement] : TOLERANCE_LEARNED;
  return own + POWER_OF_SPEED * Math.abs(1 - speed);
}

/**
 * Why the loads are charged otherwise than alone by the nature of the source; undefined where they should not be. A
 * counter that is shared out by time charges the mean of what runs under it: the thrifty pay for the others.
 */
function expectation(
  observation: Observation,
  arrangement: Together,
  shares: readonly Share[],
): string | undefined {
  const { source } = observation;
  const [one, other] = shares;
  if (!source.hasCounter) return 'an estimate charges CPU time, whatever runs';
  const isByTime =
    source.kind !== 'measured' &&
    shares.length === 2 &&
    Math.abs(one!.together / other!.together - 1) < BY_TIME;
  if (!isByTime || !shareCounter(observation, arrangement) || statesErrors(observation)) return undefined;
  if (source.scope === 'cpu') return undefined;
  const alike = Math.abs(drawn(observation, 'integer') / drawn(observation, 'memory') - 1) < ALIKE;
  const isRight = shares.every(
    (share) => Math.abs(share.off) <= toleranceOf(observation, share) + share.error,
  );
  if (alike && isRight) return undefined;
  return (
    `the counter of a ${source.scope} is split by time, which gives both ${watts(one!.together)}; ` +
    'who of them drew how much it cannot tell'
  );
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

/** Whether powers are learned: only then does the meter state how uncertain they are. */
function statesErrors({ samples }: Observation): boolean {
  return samples.some(({ loads }) => LOADS.some((load) => typeof loads[load]?.errorJoules === 'number'));
}

function signed(part: number): string {
  return `${part < 0 ? '−' : '+'}${percent(Math.abs(part))}`;
}
