// SPDX-License-Identifier: Apache-2.0
import { pinnedTo, samplesOf, zoneOf, zonePower } from './check.ts';
import type { Observation, Sample } from './observation.ts';
import { deviation, mean, median } from './statistics.ts';

/** A core that is busy adds more than this to what its counter shows at rest, or that is large and busy itself. */
const LEAST_RISE = 0.02;
/** So many standard errors are chance. */
export const CHANCE = 4;

/** What a counter shows of the integer load, W. */
export interface Response {
  readonly zone: string;
  readonly rest: number;
  /** By how much it rises while the load is on a CPU that it counts, by that CPU; empty where the load never was there. */
  readonly rises: ReadonlyMap<number, number>;
  /** By how much it rises while the load is where it does not count; undefined where it counts all CPUs. */
  readonly elsewhere: number | undefined;
  /** Standard error of any of these rises. */
  readonly error: number;
}

/** How each counter of the source answers to the integer load, from its tour of the cores and its time alone. */
export function responsesOf(observation: Observation): readonly Response[] {
  const resting = samplesOf(observation, 'rest');
  const loaded = samplesOf(observation, 'tour', 'integer');
  return observation.source.zones.flatMap(({ id: zone }) => {
    const at = (cpu: number | undefined): boolean => zoneOf(observation, cpu) === zone;
    const rests = resting.map((sample) => zonePower(sample, zone));
    const own = loaded.filter((sample) => at(pinnedTo(sample, 'integer')));
    const others = loaded.filter((sample) => !at(pinnedTo(sample, 'integer')));
    if (rests.length === 0 || own.length === 0) return [];
    const rest = mean(rests);
    const cpus = [...new Set(own.map((sample) => pinnedTo(sample, 'integer')!))];
    const visits = cpus.map((cpu) => own.filter((sample) => pinnedTo(sample, 'integer') === cpu));
    const rises = new Map(visits.map((samples, i) => [cpus[i]!, meanPower(samples, zone) - rest]));
    const away = others.map((sample) => zonePower(sample, zone));
    // What others do on these CPUs is the same whether the load is there or not: seen best where it is not.
    const scatter = Math.max(...[rests, away].map(deviation).filter(Number.isFinite), 0);
    const fewest = Math.min(...visits.map(({ length }) => length));
    return [
      {
        zone,
        rest,
        rises,
        elsewhere: away.length === 0 ? undefined : mean(away) - rest,
        error: scatter * Math.sqrt(1 / fewest + 1 / rests.length),
      },
    ];
  });
}

function meanPower(samples: readonly Sample[], zone: string): number {
  return mean(samples.map((sample) => zonePower(sample, zone)));
}

/** W by which a counter rises for the integer load on one of its CPUs: the middle one of all. */
export function typicalRise(responses: readonly Response[]): number {
  return median(responses.flatMap(({ rises }) => [...rises.values()]));
}

/** Whether it shows next to nothing of the load wherever that is, or no more than what others do. */
export function isDeaf({ rest, rises, error }: Response): boolean {
  return [...rises.values()].every((rise) => !(rise > Math.max(LEAST_RISE * rest, CHANCE * error)));
}
