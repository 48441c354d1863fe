// SPDX-License-Identifier: Apache-2.0
import type { Attribution, EnergySource, SourceKind, SourceScope, Zone } from '../model/source.ts';
import type { Joules, Seconds, Watts } from '../model/units.ts';

/** The loads: one that keeps to its core, and one that streams through memory with vectors. */
export const LOADS = ['integer', 'memory'] as const;
export type LoadName = (typeof LOADS)[number];

/**
 * Who runs where, in a segment of the plan.
 *
 * `rest`: none of the loads. `tour`: the integer load on one core after the other. `integer`, `memory`: each alone on its
 * CPU. `turns`: both on one CPU, so that they take turns. `apart`: each on its own CPU, on different cores. `free`: both
 * wherever the scheduler puts them, on one thread of each core. `between`: what was measured while one of these became
 * the next.
 */
export type Arrangement = 'rest' | 'tour' | 'integer' | 'memory' | 'turns' | 'apart' | 'free' | 'between';

/** What a load was charged with in a sample, and what it did. */
export interface LoadUse {
  readonly joules: Joules;
  /** Standard deviation of that, as the meter states it; null where it states none. */
  readonly errorJoules: Joules | null;
  readonly cpuSeconds: Seconds;
  /** Pieces of work. */
  readonly work: number;
}

/** One interval of the meter. */
export interface Sample {
  readonly arrangement: Arrangement;
  /** Segment of the plan that it is of, and the round that this is of; both count from 0. */
  readonly segment: number;
  readonly round: number;
  readonly seconds: Seconds;
  /** CPUs that the loads may run on. */
  readonly cpus: Readonly<Partial<Record<LoadName, readonly number[]>>>;
  readonly loads: Readonly<Partial<Record<LoadName, LoadUse>>>;
  /** What each counter of the source counted, by its zone's id; none of it is in parts of packages. */
  readonly zones: ReadonlyMap<string, Joules>;
  readonly counterJoules: Joules;
  readonly idleJoules: Joules;
  /** Of the counters', what is nobody's since it could not be read, or had no room. */
  readonly unknownJoules: Joules;
  /** By how much the worst of the ledger's sums does not close, in parts of what was counted. */
  readonly openness: number;
  /** CPU time of all processes but the loads and the meter. */
  readonly otherSeconds: Seconds;
  readonly self: { readonly joules: Joules; readonly cpuSeconds: Seconds; readonly switches: number };
  readonly rebinds: number;
  /** Times that a counter went back, or ahead by more than can be. */
  readonly resets: number;
  /** Measurements that failed before this one, whose time it covers. */
  readonly skipped: number;
  /** CPUs that switched between tasks, as BPF saw them. */
  readonly switching: readonly number[];
}

/** A change of a counter that was read in a loop: when it was seen, and the counter's value from then on. */
export interface Update {
  readonly ns: number;
  /** Before the read before began, in which it had not come yet. */
  readonly beforeNs: number;
  readonly joules: Joules;
}

/** A counter that was read in a loop while the integer load ran on a CPU of its. */
export interface Watch {
  readonly seconds: Seconds;
  readonly reads: number;
  readonly updates: readonly Update[];
}

/** What other counters of the same packages counted over all of the run. */
export interface Reference {
  /** Where it is read, for people: `power`, `powercap`. */
  readonly name: string;
  readonly id: string;
  readonly joules: Joules;
  /** Zones of the source that it counts, too. */
  readonly zones: readonly string[];
  /** `equals`: it counts what these do; `contains`: it counts more. */
  readonly relation: 'equals' | 'contains';
}

/** What may be told about a machine to anybody: nothing in it names it or who runs what. */
export interface Machine {
  readonly model: string;
  readonly kernel: string;
  readonly arch: string;
  readonly virtual: boolean;
  readonly cpus: number;
  readonly cores: number;
  readonly packages: number;
}

/** Everything that the run found out; what is made of it is `judge`'s. */
export interface Observation {
  readonly machine: Machine;
  readonly source: {
    readonly name: string;
    readonly kind: SourceKind;
    readonly scope: SourceScope;
    readonly zones: readonly Pick<Zone, 'id' | 'cpus'>[];
    /** Who reads the counters: BPF at switches, or user space, which shares out afterwards; `none`: there is no counter. */
    readonly reader: EnergySource['reader'];
    /** How what a package counted is to be shared out, where there is a choice. */
    readonly attribution?: Attribution;
  };
  /** More than a package can draw by the limits of its firmware, peaks included; undefined where it says nothing. */
  readonly packageLimit: Watts | undefined;
  /** CPUs that sysfs lists as online, those that we may run on, and one of each core of these. */
  readonly online: readonly number[];
  readonly allowed: readonly number[];
  readonly oneOfEachCore: readonly number[];
  readonly samples: readonly Sample[];
  readonly watch: Watch | undefined;
  readonly references: readonly Reference[];
}
