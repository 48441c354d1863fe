// SPDX-License-Identifier: Apache-2.0
import type { Readings } from '../model/reading.ts';
import type { Counter, Domain, EnergySource, SourceKind } from '../model/source.ts';
import type { Joules } from '../model/units.ts';
import { sum } from '../util/sum.ts';
import type { ZoneCharge } from './by-zone.ts';

/** A counter, and by `hw.id` what it is a part of, where that has a counter too. */
export type PartCharge = ZoneCharge & { readonly parent: string | null };

/** What a counter counted that is no part of the CPUs' energy. */
export interface DomainCharge {
  readonly id: string;
  readonly type: Exclude<Domain, 'cpu'>;
  /** `estimated` where it is power that was integrated over time. */
  readonly kind: SourceKind;
  readonly parent: string | null;
  readonly joules: Joules;
}

/** What the auxiliary counters of a source say about an interval. */
export interface AuxiliaryCharges {
  /** The zones, with what they are a part of, and for each package what it counted beyond its cores. */
  readonly zones: readonly PartCharge[];
  readonly domains: readonly DomainCharge[];
}

/**
 * Adds what packages counted beyond their cores: caches, memory controllers, the fabric between cores. It is nobody's
 * (`shared`), since nothing says who used them. Graphics with a counter of their own are left out of it: cores, graphics
 * and the shared rest add up to the package, and each Joule is in one `hw.type`.
 *
 * Cores and packages are not read at one moment, and a package may be unreadable for a while: what its cores
 * were counted ahead of it is kept, and made up for by its next reading.
 */
export interface Auxiliary {
  /** Charges an interval. What could not be measured then may be charged again, in a longer one. */
  charge(source: EnergySource, zones: readonly ZoneCharge[], readings: Readings): AuxiliaryCharges;
  /** The interval that was charged last has been measured: the next one begins after it. */
  settle(): void;
}

export function createAuxiliary(): Auxiliary {
  let settledAhead: ReadonlyMap<string, number> = new Map();
  let aheadOf = new Map<string, number>();

  function shared(counter: Counter, parts: readonly Joules[], readings: Readings): PartCharge | undefined {
    const reading = readings.get(counter.id);
    if (reading === undefined || reading.broken) {
      aheadOf.delete(counter.id);
      return undefined;
    }
    const ahead = sum([aheadOf.get(counter.id) ?? 0, ...parts]);
    const rest = (reading.kind === 'unknown' ? 0 : reading.joules) - ahead;
    aheadOf.set(counter.id, Math.max(0, -rest));
    if (reading.kind === 'unknown') return undefined;
    const joules = Math.max(0, rest);
    return {
      id: counter.id.replace('package', 'shared'),
      parent: counter.id,
      joules,
      idleJoules: 0,
      gapJoules: 0,
      lostJoules: 0,
      sharedJoules: joules,
      attribution: null,
    };
  }

  function charge(source: EnergySource, zones: readonly ZoneCharge[], readings: Readings): AuxiliaryCharges {
    aheadOf = new Map(settledAhead);
    const packages = source.auxiliary.filter(({ domain }) => domain === 'cpu');
    const parentOf = new Map(
      source.zones.map(({ id, cpus, hidden }) => [
        id,
        // A CPU that is hidden is in some package: in which does not change the sum.
        packages.find((counter) => hidden || counter.cpus.includes(cpus[0]!))?.id,
      ]),
    );
    const parts = zones.map((zone) => ({ ...zone, parent: parentOf.get(zone.id) ?? null }));
    const domains = domainsOf(source, readings);
    const within = [...parts, ...domains];
    const rests = packages.map((counter) => {
      const inside = within.filter(({ parent }) => parent === counter.id);
      return shared(
        counter,
        inside.map(({ joules }) => joules),
        readings,
      );
    });
    return { zones: [...parts, ...rests.filter((zone) => zone !== undefined)], domains };
  }

  return {
    charge,
    settle: () => {
      settledAhead = aheadOf;
    },
  };
}

/** The counters beside the CPUs' ledger that could be read. */
function domainsOf({ auxiliary }: EnergySource, readings: Readings): DomainCharge[] {
  return auxiliary.flatMap(({ id, domain, parent = null, location }) => {
    const reading = readings.get(id);
    if (domain === 'cpu' || reading === undefined || reading.kind === 'unknown') return [];
    const kind = location.via === 'power' ? 'estimated' : 'measured';
    return [{ id, type: domain, kind, parent, joules: reading.joules }];
  });
}
