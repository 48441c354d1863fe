// SPDX-License-Identifier: Apache-2.0
import type { JoulesPerCount, Watts } from './units.ts';

/**
 * How far an energy figure can be trusted:
 * `measured`: a counter of the core itself; `apportioned`: a counter that is only split afterwards, as a
 * package's is (`Attribution` says how); `estimated`: no counter, a power model.
 */
export type SourceKind = 'measured' | 'apportioned' | 'estimated';

/**
 * How Joules that were counted together are split afterwards over who ran: `learned`: by the power that each was learned
 * to draw; `time`: by run time, which says of nobody that it draws more than another.
 */
export const ATTRIBUTIONS = ['learned', 'time'] as const;
export type Attribution = (typeof ATTRIBUTIONS)[number];

/** What one counter covers. */
export type SourceScope = 'cpu' | 'core' | 'package';

/** One energy counter: the CPUs whose energy it counts and the CPU its perf event is opened on. */
export interface Zone {
  /** `hw.id` of the counter, unique on the host: `cpu:3`, `core:0:3` (package:core), `package:0`. */
  readonly id: string;
  readonly cpus: readonly number[];
  readonly lead: number;
  /**
   * A CPU that BPF sees and sysfs does not list, as lxcfs hides them from containers. Nobody knows what core or package
   * it belongs to: whatever it used is a gap.
   */
  readonly hidden?: true;
}

/** A perf event as perf_event_open(2) takes it. */
export interface PerfEvent {
  readonly type: number;
  readonly config: bigint;
  readonly config1: bigint;
  readonly config2: bigint;
}

/** Power of one CPU (hardware thread) of a model without a counter. */
export interface CpuPower {
  readonly idle: Watts;
  readonly busy: Watts;
  /** Where the figures come from: a published table's name, or the option that gave them. */
  readonly reference: string;
  /** `server`: the power at the wall of a whole server, memory, fans and power supply included, per hardware thread. */
  readonly covers: 'cpu' | 'server';
  /** How many digits of what is reckoned with them mean anything. */
  readonly digits: number;
}

/**
 * What a counter counts: a value of `hw.type`, or `host` for all that the machine draws. `soc`: the processor as a sensor
 * of its supply sees it, beside the CPUs' ledger.
 */
export type Domain = 'cpu' | 'memory' | 'gpu' | 'soc' | 'host';

/** A sensor of power, or several whose sum it is. */
export interface PowerLocation {
  readonly via: 'power';
  /** Files of µW, or pairs of them, in µA and µV. */
  readonly sensors: readonly (readonly string[])[];
  /** The directory of its device; see `hwmon`. */
  readonly device?: string;
  /** The sensors are batteries, the directories of which these are, and say what is drawn while they discharge. */
  readonly batteries?: readonly string[];
  /** Of a single reading: more is none. */
  readonly maxWatts: Watts;
}

/** Where user space reads a counter. */
export type CounterLocation =
  | { readonly via: 'perf'; readonly event: PerfEvent; readonly cpu: number }
  | { readonly via: 'powercap'; readonly path: string }
  /** An `energyN_input` of hwmon; not read while the device sleeps, since that would wake it. */
  | { readonly via: 'hwmon'; readonly path: string; readonly device: string }
  /** Power that is integrated over time, so that it counts in µJ. */
  | PowerLocation
  | { readonly via: 'msr'; readonly path: string; readonly address: number };

/** An energy counter that user space reads. */
export interface Counter {
  /** `hw.id`, unique on the host: `package:0`, `core:0:3`, `memory:0`. */
  readonly id: string;
  readonly domain: Domain;
  /** What it is a part of, by `hw.id`: its energy is in that one's too. */
  readonly parent?: string;
  /** CPUs of its core or package. */
  readonly cpus: readonly number[];
  readonly joulesPerCount: JoulesPerCount;
  /** Counts after which it starts at 0 again; 0: it does not. */
  readonly range: bigint;
  /** An advance beyond this power is no energy but a counter that was reset or lied, W. */
  readonly maxWatts: Watts;
  readonly location: CounterLocation;
}

interface SourceBase {
  /** As `--source` takes it, but `perf:PMU/EVENT/` without its options. */
  readonly name: string;
  readonly scope: SourceScope;
  /** Value of `hw.type`. */
  readonly domain: 'cpu';
  /** Counters, by ascending lead CPU; every online CPU is in exactly one. */
  readonly zones: readonly Zone[];
  /**
   * Auxiliary counters: packages that hold its cores (domain `cpu`), whose rest is shared; and
   * other domains, which are no part of the CPUs' ledger.
   */
  readonly auxiliary: readonly Counter[];
}

/** A counter that BPF reads on the CPUs it covers. */
export interface SwitchedSource extends SourceBase {
  readonly reader: 'bpf';
  /** A clock, at so many Joules a tick, is an estimate. */
  readonly kind: 'measured' | 'estimated';
  readonly event: PerfEvent;
  /** CPUs that the PMU counts on, each for those around it, where it says so: its `cpumask`. */
  readonly mask?: readonly number[] | undefined;
  readonly joulesPerCount: JoulesPerCount;
  /** Whether the counter runs in idle as in use (a clock does, a core's energy does not). */
  readonly idlePays: boolean;
  /** `time`: what BPF learns at switches is not corrected by what is learned in bursts; else it is. */
  readonly attribution?: Attribution;
  /** What one counter cannot exceed, in watts; 0: not known. */
  readonly maxWatts: Watts;
}

/** Counters that BPF does not read: read in user space, split over what BPF recorded. */
export interface PolledSource extends SourceBase {
  readonly reader: 'user';
  readonly kind: 'apportioned' | 'estimated';
  /** Those of the zones, by their id. */
  readonly counters: readonly Counter[];
  /**
   * How they are to be split: `learned` of packages alone, unless the user does not want it; by time without it. An
   * interval of which nothing is learned is split by time all the same.
   */
  readonly attribution?: Attribution;
  /** What a second of idle time pays of what a second of a task does, where they are split by time. */
  readonly idleWeight: number;
}

/** No counter: a power per CPU, idle and busy, times the run time BPF recorded. */
export interface EstimatedSource extends SourceBase {
  readonly reader: 'none';
  readonly kind: 'estimated';
  readonly watts: CpuPower;
}

export type EnergySource = SwitchedSource | PolledSource | EstimatedSource;

/** What `auto` took and, for each better source, why it could not be had. */
export interface Selection {
  readonly source: EnergySource;
  readonly rejected: readonly Rejection[];
}

/** A source that could not be had. */
export interface Rejection {
  readonly name: string;
  readonly reason: string;
  /** Nothing that it could be read from is there: most machines are made without. */
  readonly isAbsent?: true;
  /** CPUs of this kind have none, whatever is loaded. */
  readonly isHopeless?: true;
}
