// SPDX-License-Identifier: Apache-2.0
import { listCpus, siblingsOf } from '../host/cpus.ts';
import type { EnergySource, Zone } from '../model/source.ts';

const WHY =
  'sysfs does not list them, as lxcfs hides CPUs from containers: their energy is a gap; ' +
  'mount the /sys of the host and give --root';

/** CPUs that run tasks though sysfs does not list them as online. */
export class HiddenCpus {
  readonly #sys: string;
  readonly #log: (line: string) => void;
  readonly #hidden = new Set<number>();
  /** Hidden CPUs whose core is counted on another one: they get no zone. */
  #countedElsewhere: ReadonlySet<number> = new Set();
  /** Told once each, however often they are noticed. */
  readonly #told = new Set<number>();
  /** Noticed the last time. */
  #suspected = new Set<number>();

  constructor(sys: string, log: (line: string) => void) {
    this.#sys = sys;
    this.#log = log;
  }

  /** Takes CPUs that ran and are in no zone. How many of them are hidden that were not before. */
  notice(unlisted: readonly number[]): number {
    const found = unlisted.filter((cpu) => this.#suspected.has(cpu) && !this.#hidden.has(cpu));
    this.#suspected = new Set(unlisted);
    for (const cpu of found) this.#hidden.add(cpu);
    const untold = found.filter((cpu) => !this.#told.has(cpu));
    for (const cpu of untold) this.#told.add(cpu);
    if (untold.length > 0) this.#log(`event=hidden cpus=${listCpus(untold)} why=${JSON.stringify(WHY)}`);
    return found.length;
  }

  /** Those that sysfs lists with those that are hidden and have a zone, ascending. What is listed is no longer hidden. */
  among(listed: readonly number[]): readonly number[] {
    for (const cpu of listed) this.#hidden.delete(cpu);
    const hidden = [...this.#hidden].filter((cpu) => !this.#countedElsewhere.has(cpu));
    return hidden.length === 0 ? listed : [...listed, ...hidden].toSorted((a, b) => a - b);
  }

  /** Whether the source has no zone of a CPU that is no longer hidden. */
  areIn({ zones }: EnergySource): boolean {
    return zones.every(({ hidden, cpus, lead }) => !hidden || cpus.length === 0 || this.#hidden.has(lead));
  }

  /**
   * The source with those that are hidden. One that a core which is listed names as its thread is in the zone of that
   * core, whose counter is its own as well. Others have zones of their own, but where the PMU says that it counts what
   * they do on another CPU: an event on each of them would count a core twice.
   */
  within<Source extends EnergySource>(source: Source): Source {
    if (this.#hidden.size === 0) return source;
    const mask = source.reader === 'bpf' ? source.mask : undefined;
    const left = new Set(this.#hidden);
    const zones = source.zones.map((zone) => {
      const siblings = source.scope === 'core' ? siblingsOf(zone.cpus[0]!, this.#sys) : [];
      const threads = siblings.filter((cpu) => left.delete(cpu));
      return threads.length === 0 ? zone : { ...zone, cpus: [...zone.cpus, ...threads] };
    });
    const own = [...left].filter((cpu) => mask === undefined || mask.includes(cpu));
    this.#countedElsewhere = new Set([...left].filter((cpu) => !own.includes(cpu)));
    return { ...source, zones: [...zones, ...own.map(zoneOf)] };
  }

  /** Whether it was hidden, which it is not from here on. */
  forget(cpu: number): boolean {
    return this.#hidden.delete(cpu);
  }
}

function zoneOf(cpu: number): Zone {
  return { id: `cpu:${cpu}`, cpus: [cpu], lead: cpu, hidden: true };
}
