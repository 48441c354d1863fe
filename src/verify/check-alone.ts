// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { blame, type Check, percent, pinnedTo, samplesOf, watts, zoneOf, zonePower } from './check.ts';
import { LOADS, type LoadName, type Observation } from './observation.ts';
import { mean } from './statistics.ts';

/** Beyond what the counter shows, or below what the load adds to it: energy of others, or that others have. */
const TOLERANCE = 0.05;

/**
 * Whether a load that is alone on its core is charged with what it drew: between what it adds to the counter and all that
 * this shows, since the core idles for nobody else meanwhile.
 */
export function checkAlone(observation: Observation): Check {
  const name = 'alone';
  const { source } = observation;
  if (source.reader === 'none')
    return { name, result: 'expected', text: 'an estimate charges CPU time, whatever runs', figures: {} };
  const found = LOADS.flatMap((load) => boundsOf(observation, load));
  const figures = Object.fromEntries(found.map(({ load, charged }) => [`${load}_w`, charged]));
  if (found.length < LOADS.length)
    return { name, result: 'cannot tell', text: 'a load had too little CPU time', figures };
  if (found.some(({ most }) => !(most > 0)))
    return { name, result: 'cannot tell', text: 'a counter counted nothing', figures };
  const text = found
    .map(
      ({ load, charged, least, most }) =>
        `${load} ${watts(charged)} (drew ${watts(least)} to ${watts(most)})`,
    )
    .join(', ');
  const wrong = found.filter(
    ({ charged, least, most }) => charged < least * (1 - TOLERANCE) || charged > most * (1 + TOLERANCE),
  );
  if (wrong.length === 0) return { name, result: 'pass', text: `was charged ${text}`, figures };
  if (source.scope === 'package')
    return {
      name,
      result: 'expected',
      text: `was charged ${text}: the counter of a package is shared out over all its CPUs`,
      figures,
    };
  const said = `was charged ${text}: off by more than ${percent(TOLERANCE)}`;
  return blame(observation, { name, text: said, figures });
}

function boundsOf(
  observation: Observation,
  load: LoadName,
): { load: LoadName; charged: number; least: number; most: number }[] {
  const samples = samplesOf(observation, load).filter(({ round }) => round > 0);
  const resting = samplesOf(observation, 'rest');
  const zone = zoneOf(observation, samples[0] && pinnedTo(samples[0], load));
  const uses = samples.flatMap(({ loads, seconds }) => (loads[load] ? [{ ...loads[load], seconds }] : []));
  const ran = sum(uses.map(({ cpuSeconds }) => cpuSeconds));
  const lasted = sum(uses.map(({ seconds }) => seconds));
  if (zone === undefined || resting.length === 0 || !(ran > lasted / 2)) return [];
  const most = mean(samples.map((sample) => zonePower(sample, zone)));
  const rest = mean(resting.map((sample) => zonePower(sample, zone)));
  const charged = sum(uses.map(({ joules }) => joules)) / ran;
  // While it had the CPU: what others had of that time is not its.
  return [
    {
      load,
      charged,
      least: Math.max(0, most - rest) * Math.min(1, ran / lasted),
      most: Math.max(most, rest),
    },
  ];
}
