// SPDX-License-Identifier: Apache-2.0

/**
 * How far an energy figure can be trusted:
 * `measured`: a counter of the core itself; `apportioned`: a counter shared by more than the CPUs its
 * energy is split over (a package); `estimated`: no counter, a power model.
 */
export type SourceKind = 'measured' | 'apportioned' | 'estimated';

/** What one counter covers. */
export type SourceScope = 'cpu' | 'core' | 'package';

/** One energy counter: the CPUs whose energy it counts and the CPU its perf event is opened on. */
export interface Zone {
  /** `hw.id` of the counter, unique on the host: `cpu:3`, `core:0:3` (package:core), `package:0`. */
  readonly id: string;
  readonly cpus: readonly number[];
  readonly lead: number;
}

/** A perf event as perf_event_open(2) takes it. */
export interface PerfEvent {
  readonly type: number;
  readonly config: bigint;
  readonly config1: bigint;
  readonly config2: bigint;
}

/** Power of one CPU (hardware thread) of a model without a counter, in watts. */
export interface Watts {
  readonly idle: number;
  readonly busy: number;
  /** Where the figures come from: a published table's name, or the option that gave them. */
  readonly reference: string;
}

interface SourceBase {
  /** `power_core`, `power_per_core`, `power`, `estimated`, or `perf:PMU/EVENT/` as the user gave it. */
  readonly name: string;
  readonly scope: SourceScope;
  /** Value of `hw.type`. */
  readonly domain: 'cpu';
  /** Counters, by ascending lead CPU; every online CPU is in exactly one. */
  readonly zones: readonly Zone[];
}

/** A counter that BPF reads on the CPUs it covers. */
export interface SwitchedSource extends SourceBase {
  readonly reader: 'bpf';
  readonly kind: 'measured';
  readonly event: PerfEvent;
  readonly joulesPerCount: number;
  /** Whether the counter runs in idle as in use (a clock does, a core's energy does not). */
  readonly idlePays: boolean;
  /** What one counter cannot exceed, in watts; 0: not known. */
  readonly maxWatts: number;
}

/** A counter shared too widely for BPF to read: read in user space, split by the run time BPF recorded. */
export interface PolledSource extends SourceBase {
  readonly reader: 'user';
  readonly kind: 'apportioned';
  readonly event: PerfEvent;
  readonly joulesPerCount: number;
}

/** No counter: a power per CPU, idle and busy, times the run time BPF recorded. */
export interface EstimatedSource extends SourceBase {
  readonly reader: 'none';
  readonly kind: 'estimated';
  readonly watts: Watts;
}

export type EnergySource = SwitchedSource | PolledSource | EstimatedSource;

/** What `auto` took and, for each better source, why it could not be had. */
export interface Selection {
  readonly source: EnergySource;
  readonly rejected: readonly { readonly name: string; readonly reason: string }[];
}
