// SPDX-License-Identifier: Apache-2.0
import type { Readings } from '../model/reading.ts';
import type { DomainUsage, ZoneUsage } from '../model/snapshot.ts';
import type { Counter, EnergySource } from '../model/source.ts';

/** What the counters beside a source say about an interval. */
export interface Beside {
  /** The zones, with what they are a part of, and for each package what it counted beyond its cores. */
  readonly zones: readonly ZoneUsage[];
  readonly domains: readonly DomainUsage[];
}

/**
 * Makes a function that adds what packages counted beyond their cores: caches, memory controllers, the fabric
 * between cores. It is nobody's (`shared`), since nothing says who used them.
 *
 * Cores and packages are not read at one moment, and a package may be unreadable for a while: what its cores
 * were counted ahead of it is kept, and made up for by its next reading.
 */
export function createBeside(): (
  source: EnergySource,
  zones: readonly ZoneUsage[],
  readings: Readings,
) => Beside {
  const aheadOf = new Map<string, number>();

  function shared(counter: Counter, cores: readonly ZoneUsage[], readings: Readings): ZoneUsage | undefined {
    const reading = readings.get(counter.id);
    if (reading === undefined || reading.broken) {
      aheadOf.delete(counter.id);
      return undefined;
    }
    const ahead = cores.reduce((sum, zone) => sum + zone.counter_j, aheadOf.get(counter.id) ?? 0);
    const rest = (reading.kind === 'unknown' ? 0 : reading.joules) - ahead;
    aheadOf.set(counter.id, Math.max(0, -rest));
    if (reading.kind === 'unknown') return undefined;
    const joules = Math.max(0, rest);
    return {
      id: counter.id.replace('package', 'shared'),
      parent: counter.id,
      counter_j: joules,
      idle_j: 0,
      gap_j: 0,
      lost_j: 0,
      shared_j: joules,
    };
  }

  return (source, zones, readings) => {
    const packages = source.beside.filter(({ domain }) => domain === 'cpu');
    const parentOf = new Map(
      source.zones.map(({ id, cpus }) => [
        id,
        packages.find((counter) => counter.cpus.includes(cpus[0]!))?.id,
      ]),
    );
    const parts = zones.map((zone) => ({ ...zone, parent: parentOf.get(zone.id) ?? null }));
    const rests = packages.map((counter) =>
      shared(
        counter,
        parts.filter(({ parent }) => parent === counter.id),
        readings,
      ),
    );
    return {
      zones: [...parts, ...rests.filter((zone) => zone !== undefined)],
      domains: source.beside.flatMap(({ id, domain, parent = null }) => {
        const reading = readings.get(id);
        return domain === 'cpu' || reading === undefined || reading.kind === 'unknown'
          ? []
          : [{ id, type: domain, parent, counter_j: reading.joules }];
      }),
    };
  };
}
