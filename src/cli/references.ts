// SPDX-License-Identifier: Apache-2.0
import { openPoller, type Poller } from '../counters/poller.ts';
import type { Counter, EnergySource } from '../model/source.ts';
import { packageSource } from '../sources/power.ts';
import { powercapSource } from '../sources/powercap.ts';
import type { Reference } from '../verify/observation.ts';

/** Other counters of a source's packages. */
export interface References extends AsyncDisposable {
  /** From here on they are counted. */
  begin(): Promise<unknown>;
  /** What each counted since; those that could not be read are left out. */
  end(): Promise<readonly Reference[]>;
}

/** Opens what else counts the packages of a source: those that hold its cores, or the same by another way. */
export async function openReferences(source: EnergySource, sys: string): Promise<References> {
  const found = source.reader === 'none' ? [] : referencesOf(source, sys);
  const counters = found.map(({ counter }) => counter);
  const poller: Poller = await openPoller({ counters, needed: [], log: () => {} });
  return {
    begin: () => poller.take(counters),
    async end() {
      const { readings } = await poller.take(counters);
      return found.flatMap(({ counter, ...reference }) => {
        const reading = readings.get(counter.id);
        if (reading?.kind !== 'known' || reading.broken) return [];
        return [{ ...reference, id: counter.id, joules: reading.joules }];
      });
    },
    [Symbol.asyncDispose]: () => poller.close(),
  };
}

function referencesOf(
  source: EnergySource,
  sys: string,
): (Pick<Reference, 'name' | 'zones' | 'relation'> & { counter: Counter })[] {
  return [packageSource(sys), powercapSource(sys)].flatMap((found) => {
    if ('reason' in found || found.name === source.name) return [];
    const { name, counters } = found;
    const relation = source.scope === 'package' ? 'equals' : 'contains';
    return counters.flatMap((counter) => {
      const zones = source.zones.filter(({ cpus }) => cpus.every((cpu) => counter.cpus.includes(cpu)));
      const cpus = new Set(zones.flatMap((zone) => zone.cpus));
      // Of one that counts other CPUs as well nothing follows.
      if (!counter.cpus.every((cpu) => cpus.has(cpu))) return [];
      return [{ name, relation, zones: zones.map(({ id }) => id), counter }];
    });
  });
}
