// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Bindings, bindCounters } from './bindings.ts';
import type { Columns } from './columns.ts';
import { createPackageLearner, isCorrected, isLearned, type PackageLearner } from './learning.ts';
import { EnergyError } from '../model/errors.ts';
import { openAll } from '../util/closing-stack.ts';
import { serial } from '../util/serial.ts';
import { sum } from '../util/sum.ts';
import type { CounterEvents } from '../model/counter-events.ts';
import { type Calibration, createProbe, type Learning, type Probe } from './addon.ts';
import type { EnergySource, Zone } from '../model/source.ts';

export interface CollectorOptions {
  readonly source: EnergySource;
  /** Finds the source again after CPUs came or went: its zones, and its PMU's type, may be others. */
  readonly rediscover: () => EnergySource;
  /** Where sysfs is mounted. */
  readonly sys: string;
  /** The hierarchy whose cgroups are charged: its v1 controller (null for v2) and its number (0 for v2). */
  readonly hierarchy: { readonly controller: string | null; readonly id: number };
  readonly followForks: boolean;
  /** Rows that may overflow the tables of the CPUs between two drains before detail is lost. */
  readonly maxTasks: number;
  /** How often counters are looked after where BPF tells nothing, ms; default 500. */
  readonly lookMs?: number;
  /** Takes a line of `event=…` when a CPU goes or comes, a gap begins, a counter is bound anew or reset. */
  readonly log?: (line: string) => void;
}

/** One interval as the kernel recorded it. */
export interface Interval extends CounterEvents {
  readonly columns: Columns;
  readonly seconds: number;
  /** The source with all zones it has had so far. */
  readonly source: EnergySource;
}

export interface Collector {
  /** Our pid as rows have it. */
  readonly ownPid: number;
  /** Everything since the last drain that did not reject. */
  drain(): Promise<Interval>;
  /** How the first counter behaves, by polling it for up to 150 ms; undefined where BPF reads none. */
  calibrate(): Promise<Calibration | undefined>;
  /** How learning from the counters of packages is going; of no package where it is not wanted. */
  learning(): Promise<Learning>;
  close(): Promise<void>;
}

/** Binds a source's counters, starts the BPF program and from then on hands out intervals. */
export async function openCollector(options: CollectorOptions): Promise<Collector> {
  const { source, sys } = options;
  const btf = join(sys, 'kernel/btf/vmlinux');
  if (!existsSync(btf)) {
    throw new EnergyError(
      'ENOBTF',
      `${btf} is not there, so BPF programs cannot be fitted to this kernel: use a kernel built with CONFIG_DEBUG_INFO_BTF`,
    );
  }
  return openAll(async (opened) => {
    const probe = opened.use(createProbe());
    const { ownPid } = await probe.open({
      btf,
      controller: options.hierarchy.controller ?? '',
      hierarchy: options.hierarchy.id,
      switched: source.reader === 'bpf',
      shared: source.reader === 'bpf' && source.scope !== 'cpu',
      idlePays: source.reader === 'bpf' && source.idlePays,
      joulesPerCount: source.reader === 'bpf' ? source.joulesPerCount : 1,
      maxWatts: source.reader === 'bpf' ? source.maxWatts : 0,
      followForks: options.followForks,
      learns: isLearned(source) || isCorrected(source),
      spillEntries: options.maxTasks,
    });
    const { log = () => {} } = options;
    const bindings = await bindCounters({ probe, source, rediscover: options.rediscover, sys, log });
    const learnUpdates = source.reader === 'bpf' ? updatesOf(probe) : async () => {};
    await learnUpdates(bindings.source().zones);
    await probe.start();
    const learner = isLearned(source) ? createPackageLearner({ probe, sys, log }) : undefined;
    // Where that cannot begin it is tried again: no reason not to measure.
    await learner?.follow(bindings.source()).catch((error: unknown) => log((error as Error).message));
    const { timeNs: startNs } = await probe.drain();
    const { lookMs = LOOK_MS } = options;
    return new OpenCollector(probe, bindings, { ownPid, startNs, learnUpdates, learner, lookMs, log });
  });
}

/** Intervals between two tries to find an update period, at most. */
const LONGEST_PAUSE = 512;

/**
 * Finds out when the counters move, which BPF then expects, by polling one for up to 150 ms. Where it stands still, or
 * nothing can be told because of what else runs there, the next call tries the next one, and later ones ever more rarely.
 * Without that, shares are worse, and no reason not to measure.
 */
function updatesOf(probe: Probe): (zones: readonly Zone[]) => Promise<void> {
  let known = false;
  let tries = 0;
  let pause = 0;
  return async (zones) => {
    if (known || zones.length === 0 || pause-- > 0) return;
    const i = tries % zones.length;
    pause = Math.min(2 ** tries - 1, LONGEST_PAUSE);
    tries++;
    const found = await probe.calibrate(i, zones[i]!.lead).catch(() => undefined);
    known = found !== undefined && (found.steady || found.periodNs === 0);
  };
}

/**
 * How often counters are looked after if BPF does not ring, as it does when a CPU comes or goes: a suspend in which
 * no CPU goes is found by this alone. It costs one read of sysfs and one of what BPF reported.
 */
const LOOK_MS = 500;

interface Start {
  readonly ownPid: number;
  /** CLOCK_MONOTONIC when the first interval begins. */
  readonly startNs: number;
  readonly learnUpdates: (zones: readonly Zone[]) => Promise<void>;
  /** undefined: nothing is to be learned from the counters. */
  readonly learner: PackageLearner | undefined;
  readonly lookMs: number;
  readonly log: (line: string) => void;
}

class OpenCollector implements Collector {
  readonly ownPid: number;
  readonly #probe: Probe;
  readonly #bindings: Bindings;
  readonly #learnUpdates: (zones: readonly Zone[]) => Promise<void>;
  readonly #learner: PackageLearner | undefined;
  readonly #log: (line: string) => void;
  /** A drain never sees counters half bound. */
  readonly #inTurn = serial();
  readonly #timer: NodeJS.Timeout;
  #lastNs: number;
  /** Why counters could not be looked after the last time; said once. */
  #complaint = '';
  /** One that is still to begin sees whatever has happened by then. */
  #lookIsDue = false;
  #closed = false;

  constructor(probe: Probe, bindings: Bindings, start: Start) {
    this.ownPid = start.ownPid;
    this.#probe = probe;
    this.#bindings = bindings;
    this.#learnUpdates = start.learnUpdates;
    this.#learner = start.learner;
    this.#log = start.log;
    this.#lastNs = start.startNs;
    probe.onAlarm(() => this.#lookSoon());
    this.#timer = setInterval(() => this.#lookSoon(), start.lookMs);
    this.#timer.unref();
  }

  drain(): Promise<Interval> {
    return this.#inTurn(async () => {
      const columns = await this.#probe.drain();
      // What has been drained is told, whatever becomes of the counters: from here on nothing rejects.
      await this.#reconcile();
      const source = this.#bindings.source();
      const seconds = (columns.timeNs - this.#lastNs) / 1e9;
      this.#lastNs = columns.timeNs;
      if (columns.cpus.counts.some((counts) => counts > 0)) await this.#learnUpdates(source.zones);
      if (this.#bindings.noticeCpus(columns.cpus.cpu)) this.#lookSoon();
      const resets = countResets(columns, source, this.#log);
      return { columns, seconds, source, ...this.#bindings.take(), resets, wraps: 0 };
    });
  }

  learning(): Promise<Learning> {
    return this.#inTurn(() => this.#probe.askLearning());
  }

  calibrate(): Promise<Calibration | undefined> {
    return this.#inTurn(async () => {
      const { reader, zones } = this.#bindings.source();
      return reader !== 'bpf' || !zones[0] ? undefined : await this.#probe.calibrate(0, zones[0].lead);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#inTurn(() => this.#probe.close());
  }

  #lookSoon(): void {
    if (this.#lookIsDue || this.#closed) return;
    this.#lookIsDue = true;
    void this.#inTurn(() => {
      this.#lookIsDue = false;
      return this.#reconcile();
    });
  }

  /** Never rejects: what fails is done by the next one. The timer's next turn is as long after this as after its own. */
  async #reconcile(): Promise<void> {
    this.#timer.refresh();
    try {
      await this.#bindings.reconcile();
      await this.#learner?.follow(this.#bindings.source());
      await this.#learner?.tell(this.#bindings.source());
      this.#complaint = '';
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (why !== this.#complaint) this.#log(why);
      this.#complaint = why;
    }
  }
}

/** Counters that went back, or ahead by more than can be. */
function countResets({ cpus }: Columns, { zones }: EnergySource, log: (line: string) => void): number {
  const resets = zones.map(() => 0);
  for (const [at, cpu] of cpus.cpu.entries()) {
    const zone = zones.findIndex((one) => one.cpus.includes(cpu));
    if (zone >= 0) resets[zone]! += cpus.backwards[at]! + cpus.jumps[at]!;
  }
  for (const [i, count] of resets.entries())
    if (count > 0) log(`event=reset counter=${zones[i]!.id} count=${count}`);
  return sum(resets);
}
