// SPDX-License-Identifier: Apache-2.0
import { onlineCpus } from '../host/cpus.ts';
import type { CounterEvents } from '../model/counter-events.ts';
import type { Probe } from './addon.ts';
import type { EnergySource, PerfEvent, Zone } from '../model/source.ts';
import { attempt } from '../util/files.ts';
import { HiddenCpus } from './hidden-cpus.ts';

export interface BindingOptions {
  readonly probe: Pick<Probe, 'bind' | 'lookAfter'>;
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
   * the kernel moved along may be out of our reach. May be called at any time, any number of times; where it rejects,
   * because sysfs cannot be read, everything is as it was, and the next call does it.
   */
  reconcile(): Promise<void>;
  /**
   * Takes the CPUs that BPF has accounts of since this was called last. Those that sysfs does not list, twice in a row
   * (one may just have come and gone), are hidden from us: they get zones with the next `reconcile()`. Whether there are
   * any new ones.
   */
  noticeCpus(running: Iterable<number>): boolean;
  /** What happened since this was asked last. */
  take(): Pick<CounterEvents, 'rebinds' | 'gaps'>;
}

/** A CPU may go, and its core's lead change, between our reading of sysfs and the binding: so many attempts, 20 ms apart. */
const FIRST_ATTEMPTS = 25;
const ATTEMPT_MS = 20;
/** What a CPU in transition answers: not there, moved, or not counting yet. */
const PASSING = new Set(['ENODEV', 'ENXIO', 'EINVAL', 'EBUSY', 'ENOENT']);

/** Binds all counters of a source. Rejects with the EnergyError of one that cannot be bound. */
export async function bindCounters(options: BindingOptions): Promise<Bindings> {
  const bindings = new CounterBindings(options);
  for (let tries = 1; ; tries++) {
    await bindings.reconcile();
    const failure = bindings.failure();
    if (failure === undefined) break;
    if (tries === FIRST_ATTEMPTS || !PASSING.has((failure as { code?: string }).code ?? '')) throw failure;
    await new Promise((resolve) => setTimeout(resolve, ATTEMPT_MS));
  }
  bindings.start();
  return bindings;
}

class CounterBindings implements Bindings {
  readonly #options: BindingOptions;
  #source: EnergySource;
  #online: readonly number[];
  /** CPUs that sysfs does not list. */
  readonly #hidden: HiddenCpus;
  /** Every CPU that was ever in a zone, by the zone's id. */
  readonly #cpusOf = new Map<string, Set<number>>();
  /** Zones without the counter they should have, and why: undefined before it was tried. */
  readonly #unbound: Map<number, unknown>;
  /** Zones whose counter is out of reach. */
  readonly #inGap = new Set<number>();
  /** How long the machine slept, ns, since counters were bound anew after a sleep. */
  #asleepNs = 0;
  #started = false;
  #gaps = 0;
  #rebinds = 0;

  constructor(options: BindingOptions) {
    this.#options = options;
    this.#source = options.source;
    this.#online = onlineCpus(options.sys);
    this.#hidden = new HiddenCpus(options.sys, options.log);
    const { reader, zones } = options.source;
    this.#unbound = new Map(reader === 'bpf' ? zones.map((_, i) => [i, undefined]) : []);
    this.#remember(zones);
  }

  /** Why a counter is not bound; undefined if all are. */
  failure(): unknown {
    const [failure] = this.#unbound.values();
    return failure;
  }

  /** From here on gaps and bindings are told and counted. */
  start(): void {
    this.#started = true;
  }

  source(): EnergySource {
    const zones = this.#source.zones.map((zone) => ({
      ...zone,
      cpus: [...(this.#cpusOf.get(zone.id) ?? [])],
    }));
    return { ...this.#source, zones };
  }

  take(): Pick<CounterEvents, 'rebinds' | 'gaps'> {
    const happened = { rebinds: this.#rebinds, gaps: this.#gaps };
    this.#rebinds = this.#gaps = 0;
    return happened;
  }

  async reconcile(): Promise<void> {
    const { probe, sys, rediscover, log } = this.#options;
    const { zones: unreadable, asleepNs } = await probe.lookAfter();
    if (asleepNs > 0) log(`event=resume asleep_s=${(asleepNs / 1e9).toFixed(3)}`);
    // It is told once: kept until counters have been bound anew, whatever fails before that.
    this.#asleepNs += asleepNs;
    const online = this.#hidden.among(onlineCpus(sys));
    const failing = new Set([...unreadable, ...this.#unbound.keys()]);
    // The source's own CPUs are compared, not those that were online the last time: one that went while its zones were
    // sought, and is back, would have none.
    const changed = online.join() !== cpusOf(this.#source).join() || !this.#hidden.areIn(this.#source);
    if (!changed && failing.size === 0 && this.#asleepNs === 0) return;
    const found = this.#hidden.within(rediscover());
    this.#tellCpus(online);
    await this.#bindAnew(found, failing);
    this.#asleepNs = 0;
  }

  noticeCpus(running: Iterable<number>): boolean {
    const known = new Set([...this.#cpusOf.values()].flatMap((cpus) => [...cpus]));
    const strange = [...running].filter((cpu) => !known.has(cpu));
    const found = this.#hidden.notice(strange.length === 0 ? [] : this.#unlisted(strange));
    this.#gaps += found;
    return found > 0;
  }

  /** One that is listed has just come, and gets its zone by that. Where the list cannot be read nobody is suspected. */
  #unlisted(cpus: readonly number[]): readonly number[] {
    const listed = attempt(() => onlineCpus(this.#options.sys));
    return listed === undefined ? [] : cpus.filter((cpu) => !listed.includes(cpu));
  }

  #tellCpus(online: readonly number[]): void {
    const { log } = this.#options;
    for (const cpu of this.#online) if (!online.includes(cpu)) log(`event=offline cpu=${cpu}`);
    for (const cpu of online) if (!this.#online.includes(cpu)) log(`event=online cpu=${cpu}`);
    this.#online = online;
  }

  /** Takes over the source as it was found now, and binds the counters that are not where they were, or fail. */
  async #bindAnew(found: EnergySource, failing: ReadonlySet<number>): Promise<void> {
    const former = this.#source;
    const zones = mergedZones(former.zones, found.zones);
    this.#remember(zones);
    this.#source = { ...found, zones };
    if (found.reader !== 'bpf') return;
    const asleep = this.#asleepNs > 0;
    // Whatever kept its event over a sleep has a register that may have begun anew.
    const renewed = eventOf(found) !== eventOf(former) || asleep;
    for (const [i, zone] of zones.entries()) {
      const was = former.zones[i];
      const same = was?.lead === zone.lead && was.cpus.join() === zone.cpus.join();
      if (same && !renewed && !failing.has(i)) continue;
      if (was && !this.#online.includes(was.lead)) this.#beginGap(i, zone, `CPU ${was.lead} is offline`);
      else if (failing.has(i)) this.#beginGap(i, zone, 'it cannot be read');
      else if (asleep) this.#beginGap(i, zone, 'the machine slept');
      await this.#bind(i, zone, found.event);
    }
  }

  async #bind(i: number, zone: Zone, event: PerfEvent): Promise<void> {
    try {
      await this.#options.probe.bind(i, zone, event);
    } catch (error) {
      // Perhaps it is no longer there; if it is, it will be noticed again.
      if (zone.hidden && this.#hidden.forget(zone.lead)) {
        this.#cpusOf.get(zone.id)?.delete(zone.lead);
        return;
      }
      this.#beginGap(i, zone, error instanceof Error ? error.message : String(error));
      this.#unbound.set(i, error);
      return;
    }
    this.#unbound.delete(i);
    if (zone.cpus.length === 0 || !this.#started) return;
    this.#inGap.delete(i);
    this.#rebinds++;
    this.#options.log(`event=rebind counter=${zone.id} cpu=${zone.lead} cpus=${zone.cpus.join()}`);
  }

  #beginGap(i: number, { id }: Zone, why: string): void {
    if (this.#inGap.has(i) || !this.#started) return;
    this.#inGap.add(i);
    this.#gaps++;
    this.#options.log(`event=gap counter=${id} why=${JSON.stringify(why)}`);
  }

  /** A CPU is in one zone: that in which it was found last. */
  #remember(zones: readonly Zone[]): void {
    for (const { id } of zones) if (!this.#cpusOf.has(id)) this.#cpusOf.set(id, new Set());
    for (const { id, cpus } of zones)
      for (const cpu of cpus) for (const [one, all] of this.#cpusOf) all[one === id ? 'add' : 'delete'](cpu);
  }
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
