// SPDX-License-Identifier: Apache-2.0
import { openPoller } from '../counters/poller.ts';
import type { Counter, EnergySource, PolledSource } from '../model/source.ts';
import { packageSource } from '../sources/power.ts';
import { powercapSource } from '../sources/powercap.ts';
import type { HostRoots } from '../sources/zones.ts';
import type { Reference } from '../verify/observation.ts';

/** Other counters of a source's packages. */
export interface References extends AsyncDisposable {
  /** From here on they are counted. */
  begin(): Promise<unknown>;
  /** What each counted since; those that could not be read are left out. */
  end(): Promise<readonly Reference[]>;
}

/** Opens what else counts the packages of a source: those that hold its cores, or the same by another way. */
export async function openReferences(source: EnergySource, roots: HostRoots): Promise<References> {
  const ways = source.reader === 'none' ? [] : [packageSource(roots), powercapSource(roots)];
  const found = ways.flatMap((way) =>
    'reason' in way || way.name === source.name ? [] : [referencesAmong(source, way)],
  );
  // Each way has its own: the counters of a package have one id, whichever way they are read.
  const pollers = await Promise.all(
    found.map(async (references) => {
      const counters = references.map(({ counter }) => counter);
      const poller = await openPoller({ counters, needed: [], log: () => {} });
      return { references, counters, poller };
    }),
  );
  return {
    begin: () => Promise.all(pollers.map(({ poller, counters }) => poller.take(counters))),
    async end() {
      const taken = await Promise.all(pollers.map(({ poller, counters }) => poller.take(counters)));
      return pollers.flatMap(({ references }, i) =>
        references.flatMap(({ counter, ...reference }) => {
          const reading = taken[i]!.readings.get(counter.id);
          if (reading?.kind !== 'known' || reading.broken) return [];
          return [{ ...reference, id: counter.id, joules: reading.joules }];
        }),
      );
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(pollers.map(({ poller }) => poller.close()));
    },
  };
}

/** Those of a way's counters that count the same as a zone of the source, or all of some zones. */
function referencesAmong(
  source: EnergySource,
  { name, counters }: Pick<PolledSource, 'name' | 'counters'>,
): (Pick<Reference, 'name' | 'zones' | 'relation'> & { counter: Counter })[] {
  const relation = source.scope === 'package' ? 'equals' : 'contains';
  return counters.flatMap((counter) => {
    const zones = source.zones.filter(({ cpus }) => cpus.every((cpu) => counter.cpus.includes(cpu)));
    const isSame = zones.length === 1 && zones[0]!.id === counter.id;
    const covered = new Set(zones.flatMap(({ cpus }) => cpus));
    // Of one that counts other CPUs, or another part of the package, nothing follows.
    if (relation === 'equals' ? !isSame : zones.length === 0) return [];
    if (!counter.cpus.every((cpu) => covered.has(cpu))) return [];
    return [{ name, relation, zones: zones.map(({ id }) => id), counter }];
  });
}
