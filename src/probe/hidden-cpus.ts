// SPDX-License-Identifier: Apache-2.0
import type { EnergySource, Zone } from '../model/source.ts';

const WHY =
  'sysfs does not list it, as lxcfs hides CPUs from containers: its energy is a gap; ' +
  'mount the /sys of the host and give --root';

/** CPUs that run tasks though sysfs does not list them as online. */
export class HiddenCpus {
  readonly #log: (line: string) => void;
  readonly #hidden = new Set<number>();
  /** Told once each, however often they are noticed. */
  readonly #told = new Set<number>();
  /** Noticed the last time. */
  #suspected = new Set<number>();

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  /** Takes CPUs that ran tasks and are in no zone. How many of them are hidden that were not before. */
  notice(unlisted: readonly number[]): number {
    const found = unlisted.filter((cpu) => this.#suspected.has(cpu) && !this.#hidden.has(cpu));
    this.#suspected = new Set(unlisted);
    for (const cpu of found) {
      this.#hidden.add(cpu);
      if (this.#told.has(cpu)) continue;
      this.#told.add(cpu);
      this.#log(`event=hidden cpu=${cpu} why=${JSON.stringify(WHY)}`);
    }
    return found.length;
  }

  /** Those that sysfs lists with those that are hidden, ascending. What is listed is no longer hidden. */
  among(listed: readonly number[]): readonly number[] {
    for (const cpu of listed) this.#hidden.delete(cpu);
    return this.#hidden.size === 0 ? listed : [...listed, ...this.#hidden].toSorted((a, b) => a - b);
  }

  /** Whether the source has no zone of a CPU that is no longer hidden. */
  areIn({ zones }: EnergySource): boolean {
    return zones.every(({ hidden, cpus, lead }) => !hidden || cpus.length === 0 || this.#hidden.has(lead));
  }

  /** The source with a zone for each that is hidden. */
  within<Source extends EnergySource>(source: Source): Source {
    const zones = [...this.#hidden].map((cpu): Zone => ({
      id: `cpu:${cpu}`,
      cpus: [cpu],
      lead: cpu,
      hidden: true,
    }));
    return zones.length === 0 ? source : { ...source, zones: [...source.zones, ...zones] };
  }

  /** Whether it was hidden, which it is not from here on. */
  forget(cpu: number): boolean {
    return this.#hidden.delete(cpu);
  }
}
