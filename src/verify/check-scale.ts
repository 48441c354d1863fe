// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { type Check, few, watts, zonePower } from './check.ts';
import type { Observation, Reference } from './observation.ts';
import { isDeaf, responsesOf, typicalRise } from './response.ts';

/**
 * What is possible: the thriftiest core that is busy adds some 0.1 W; the most that a single one draws is some 60 W (of
 * desktop processors, beyond 5.5 GHz), and a package some 600 W. A factor of two is left.
 */
const LEAST_CORE_WATTS = 0.05;
const MOST_CORE_WATTS = 120;
const MOST_PACKAGE_WATTS = 1200;
/** Two counters of the same are read some ms after each other, and at the begin and end of a minute or two. */
const READ_APART = 0.02;
/** Less energy than this is no comparison. */
const LEAST_JOULES = 1;

/** Whether the figures can be Joules: against what hardware can draw, what firmware allows, and other counters of the same. */
export function checkScale(observation: Observation): Check {
  const name = 'scale';
  const { source, references } = observation;
  if (source.reader === 'none')
    return { name, result: 'cannot tell', text: 'there is no counter', figures: {} };
  const followers = responsesOf(observation).filter((one) => !isDeaf(one));
  const rise = typicalRise(followers);
  const zones = source.zones.map(({ id }) => ({ id, most: mostPower(observation, id) }));
  const highest = zones.reduce((one, other) => (other.most > one.most ? other : one));
  const bound = boundOf(observation);
  const figures = { rise_w: Number.isFinite(rise) ? rise : null, most_w: highest.most, bound_w: bound };
  const fail = (text: string): Check => ({ name, result: 'fail', text: `${text}: wrong scale`, figures });
  if (highest.most > bound)
    return fail(`${highest.id} shows ${watts(highest.most)}, where ${watts(bound)} is the most`);
  if (rise > MOST_CORE_WATTS) return fail(`one load adds ${watts(rise)}, which no core draws`);
  const wrong = references
    .map((reference) => disagreement(observation, reference))
    .filter((one) => one !== undefined);
  if (wrong.length > 0) return fail(few(wrong));
  const agreeing = references.filter(({ joules }) => joules >= LEAST_JOULES).map(agreement);
  if (!(rise >= LEAST_CORE_WATTS)) {
    const text = Number.isFinite(rise) ? `one load adds ${watts(rise)}` : 'what a load adds is not known';
    return followers.length > 0 && agreeing.length === 0
      ? fail(`${text}, less than any core draws`)
      : { name, result: 'cannot tell', text: `${text}, by which no scale can be judged`, figures };
  }
  const text = `one load adds ${watts(rise)}, and ${highest.id} shows ${watts(highest.most)} at most (possible: ${watts(bound)})`;
  return { name, result: 'pass', text: [text, ...agreeing].join('; '), figures };
}

/** The highest mean power of a counter in any sample that is not too short for one update more or less. */
function mostPower({ samples }: Observation, zone: string): number {
  return Math.max(
    0,
    ...samples.filter(({ seconds }) => seconds > 0.05).map((sample) => zonePower(sample, zone)),
  );
}

function boundOf({ source, packageLimit }: Observation): number {
  if (source.scope !== 'package') return MOST_CORE_WATTS;
  return Math.min(MOST_PACKAGE_WATTS, packageLimit ?? Infinity);
}

function disagreement(observation: Observation, reference: Reference): string | undefined {
  const own = jouleSum(observation, reference);
  const { name, id, joules, relation } = reference;
  // Hypervisors show counters that count nothing.
  if (joules < LEAST_JOULES) return undefined;
  const counted = `${own.toPrecision(4)} J where ${id} by ${name} counted ${joules.toPrecision(4)} J`;
  if (relation === 'contains')
    return own > joules * (1 + READ_APART)
      ? `its parts add up to ${counted}, of which they are a part`
      : undefined;
  return Math.abs(own / joules - 1) > READ_APART ? `it counted ${counted}` : undefined;
}

function agreement({ name, id, relation }: Reference): string {
  return relation === 'equals' ? `${id} by ${name} agrees` : `within ${id} by ${name}`;
}

function jouleSum({ samples }: Observation, { zones }: Reference): number {
  return sum(samples.map((sample) => sum(zones.map((id) => sample.zones.get(id) ?? 0))));
}
