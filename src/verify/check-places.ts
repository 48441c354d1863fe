// SPDX-License-Identifier: Apache-2.0
import { type Check, blame, few, percent, watts } from './check.ts';
import type { Observation } from './observation.ts';
import { CHANCE, isDeaf, responsesOf, typicalRise } from './response.ts';

/** The least that another core may add, of what most do: small cores of a hybrid draw a sixth of what large ones do. */
const LEAST_OF_TYPICAL = 0.1;
/**
 * A counter that rises by more than this, of what it does for a load of its own, for one that is elsewhere counts that as
 * well. Packages wake each other up, which may be half of what a first load adds; the same register has all of it.
 */
const MOST_ELSEWHERE = 0.75;
/** Whether counters follow a load: one that does not is a clock, or counts something else. */
export function checkResponse(observation: Observation): Check {
  const name = 'response';
  if (observation.source.reader === 'none')
    return { name, result: 'cannot tell', text: 'there is no counter', figures: {} };
  const responses = responsesOf(observation);
  const typical = typicalRise(responses);
  const figures = { rise_w: Number.isFinite(typical) ? typical : null };
  if (!(typical > 0) || responses.every((one) => isDeaf(one))) {
    const text =
      'the counters show no more under load than at rest: clocks do so, and counters that are not for this';
    return { name, result: 'cannot tell', text, figures };
  }
  const deaf = responses.flatMap(({ zone, rises, error }) =>
    [...rises].flatMap(([cpu, rise]) =>
      rise < LEAST_OF_TYPICAL * typical ? [{ zone, cpu, isSure: rise + CHANCE * error < typical / 2 }] : [],
    ),
  );
  const text = `a load adds ${watts(typical)} to the counter of its CPU`;
  if (deaf.length === 0) return { name, result: 'pass', text, figures };
  const places = few(deaf.map(({ zone, cpu }) => `${zone} on CPU ${cpu}`));
  const said = `${text}, but next to nothing to ${places}: not counted there`;
  if (!deaf.some(({ isSure }) => isSure))
    return { name, result: 'cannot tell', text: `${said}, or hidden by what others do`, figures };
  return blame(observation, { name, text: said, figures });
}

/** Whether each counter counts its own CPUs and no others: else the same Joules are counted several times. */
export function checkOwn(observation: Observation): Check {
  const name = 'own';
  const { source } = observation;
  if (source.reader === 'none')
    return { name, result: 'cannot tell', text: 'there is no counter', figures: {} };
  if (source.zones.length === 1)
    return { name, result: 'pass', text: 'there is one counter, none to mix it up with', figures: {} };
  const responses = responsesOf(observation).filter((one) => one.elsewhere !== undefined && !isDeaf(one));
  if (responses.length === 0)
    return {
      name,
      result: 'cannot tell',
      text: `which of ${source.zones.length} counters counts what does not show, since none follows a load`,
      figures: {},
    };
  const shares = responses.map((one) => {
    const rise = Math.max(...one.rises.values());
    return { ...one, share: one.elsewhere! / rise, error: (CHANCE * one.error) / rise };
  });
  const worst = Math.max(...shares.map(({ share }) => share));
  const figures = { elsewhere: worst, counters: shares.length };
  const mixed = shares.filter(({ share }) => share > MOST_ELSEWHERE);
  if (mixed.length === 0)
    return {
      name,
      result: 'pass',
      text: `loads elsewhere show by ${percent(Math.max(0, worst))} at most`,
      figures,
    };
  const zones = few(mixed.map(({ zone }) => zone));
  const text =
    `${zones} rise${mixed.length > 1 ? '' : 's'} by ${percent(worst)} of a load that runs elsewhere: ` +
    `the ${source.zones.length} counters are one, of all these CPUs, and its Joules are counted several times`;
  if (mixed.every(({ error }) => error > MOST_ELSEWHERE / 3))
    return {
      name,
      result: 'cannot tell',
      text: `${text}; or others did that: run it when they rest`,
      figures,
    };
  return blame(observation, { name, text, figures });
}
