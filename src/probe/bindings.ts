// SPDX-License-Identifier: Apache-2.0
import { onlineCpus } from '../host/cpus.ts';
import type { Incidents } from '../model/counter-events.ts';
import type { Probe } from './addon.ts';
import type { EnergySource, Zone } from '../model/source.ts';

export interface BindingOptions {
  readonly probe: Pick<Probe, 'bind' | 'failing'>;
  readonly source: EnergySource;
  /** Finds the source again: its zones, and its PMU's type, may be others. */
  readonly rediscover: () => EnergySource;
  /** Where sysfs is mounted. */
  readonly sys: string;
  /** Takes a line of `event=…` for each CPU that goes or comes, each gap that begins, each new binding. */
  readonly log: (line: string) => void;
}

/** The counters that BPF reads, and the CPUs they are bound to. Of other sources only the zones are kept. */
export interface Bindings {
  /** The source as it is now. Zones keep their index for good and name every CPU that was ever theirs. */
  source(): EnergySource;
  /**
   * Brings counters and CPUs together. An event dies with its CPU and does not come back with it; one that
   * the kernel moved along may be out of our reach. May be called at any time, any number of times.
   */
  reconcile(): Promise<void>;
  /** What happened since this was asked last. */
  take(): Pick<Incidents, 'rebinds' | 'gaps'>;
}

/** A CPU may go, and its core's lead change, between our look at sysfs and the binding: so many looks, 20 ms apart. */
const FIRST_LOOKS = 25;
const LOOK_MS = 20;
/** What a CPU in transition answers: not there, moved, or not counting yet. */
const PASSING = new Set(['ENODEV', 'ENXIO', 'EINVAL', 'EBUSY', 'ENOENT']);

/** Binds all counters of a source. Rejects with the EnergyError of one that cannot be bound. */
export async function bindCounters(options: BindingOptions): Promise<Bindings> {
  const { probe, sys, log } = options;
  let source = options.source;
  let online = onlineCpus(sys);
  /** Zones without the counter they should have, and why. */
  const unbound = new Map<number, unknown>(source.zones.map((_, i) => [i, undefined]));
  let started = false;
  /** Zones whose counter is out of reach. */
  const inGap = new Set<number>();
  const known = new Map<string, Set<number>>();
  let gaps = 0;
  let rebinds = 0;
  if (source.reader !== 'bpf') unbound.clear();
  remember(source.zones);

  /** A CPU is in one zone: that in which it was found last. */
  function remember(zones: readonly Zone[]): void {
    for (const { id } of zones) if (!known.has(id)) known.set(id, new Set());
    for (const { id, cpus } of zones)
      for (const cpu of cpus) for (const [one, all] of known) all[one === id ? 'add' : 'delete'](cpu);
  }

  function beginGap(i: number, { id }: Zone, why: string): void {
    if (inGap.has(i) || !started) return;
    inGap.add(i);
    gaps++;
    log(`event=gap counter=${id} why=${JSON.stringify(why)}`);
  }

  async function bind(i: number, zone: Zone, found: EnergySource): Promise<void> {
    if (found.reader !== 'bpf') return;
    try {
      await probe.bind(i, zone, found.event);
    } catch (error) {
      beginGap(i, zone, error instanceof Error ? error.message : String(error));
      unbound.set(i, error);
      return;
    }
    unbound.delete(i);
    if (zone.cpus.length === 0 || !started) return;
    inGap.delete(i);
    rebinds++;
    log(`event=rebind counter=${zone.id} cpu=${zone.lead} cpus=${zone.cpus.join()}`);
  }

  async function reconcile(): Promise<void> {
    const { zones: unreadable, asleepNs } = await probe.failing();
    const failing = new Set([...unreadable, ...unbound.keys()]);
    const now = onlineCpus(sys);
    // Not those of the last look: one that went while its zones were sought, and is back, would have none.
    if (now.join() === cpusOf(source).join() && failing.size === 0 && asleepNs === 0) return;
    if (asleepNs > 0) log(`event=resume asleep_s=${(asleepNs / 1e9).toFixed(3)}`);
    for (const cpu of online) if (!now.includes(cpu)) log(`event=offline cpu=${cpu}`);
    for (const cpu of now) if (!online.includes(cpu)) log(`event=online cpu=${cpu}`);
    online = now;
    const found = options.rediscover();
    const zones = mergedZones(source.zones, found.zones);
    remember(zones);
    // Whatever kept its event over a sleep has a register that may have begun anew.
    const renewed = eventOf(found) !== eventOf(source) || asleepNs > 0;
    const former = source.zones;
    source = { ...found, zones };
    for (const [i, zone] of zones.entries()) {
      const was = former[i];
      const same = was?.lead === zone.lead && was.cpus.join() === zone.cpus.join();
      if (same && !renewed && !failing.has(i)) continue;
      if (found.reader !== 'bpf') continue;
      if (was && !now.includes(was.lead)) beginGap(i, zone, `CPU ${was.lead} is offline`);
      else if (failing.has(i)) beginGap(i, zone, 'it cannot be read');
      else if (asleepNs > 0) beginGap(i, zone, 'the machine slept');
      await bind(i, zone, found);
    }
  }

  for (let look = 1; ; look++) {
    await reconcile();
    const [error] = unbound.values();
    if (unbound.size === 0) break;
    if (look === FIRST_LOOKS || !PASSING.has((error as { code?: string }).code ?? '')) throw error;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  started = true;
  return {
    source: () => ({
      ...source,
      zones: source.zones.map((zone) => ({ ...zone, cpus: [...(known.get(zone.id) ?? [])] })),
    }),
    reconcile,
    take() {
      const happened = { rebinds, gaps };
      rebinds = gaps = 0;
      return happened;
    },
  };
}

/** Those found, in the order of those before; what is gone has no CPUs, what is new comes last. */
function mergedZones(before: readonly Zone[], found: readonly Zone[]): Zone[] {
  const kept = before.map((zone) => found.find(({ id }) => id === zone.id) ?? { ...zone, cpus: [] });
  return [...kept, ...found.filter(({ id }) => !before.some((zone) => zone.id === id))];
}

/** Those with a zone, ascending. */
function cpusOf({ zones }: EnergySource): number[] {
  return zones.flatMap(({ cpus }) => cpus).toSorted((a, b) => a - b);
}

function eventOf(source: EnergySource): string {
  if (source.reader !== 'bpf') return '';
  const { type, config, config1, config2 } = source.event;
  return [type, config, config1, config2].join();
}
