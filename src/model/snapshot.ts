// SPDX-License-Identifier: Apache-2.0
import type { ContainerNames } from './container.ts';
import { type CounterEvents, NO_COUNTER_EVENTS } from './counter-events.ts';
import type { Owner } from './owner.ts';
import type { Attribution, Domain, SourceKind, SourceScope } from './source.ts';
import type { Joules, Seconds, Watts } from './units.ts';

/** Schema name of a snapshot as the command line prints it. */
export const SNAPSHOT_SCHEMA = 'joules.snapshot/1';

/** What has no row or series of its own. */
export const OTHER = '(other)';
/** Path of a cgroup that could not be looked up. */
export const UNKNOWN = '(unknown)';
/** All kernel threads, as one executable. */
export const KERNEL = '(kernel)';

/** What somebody used within the interval. */
interface Usage {
  readonly energy_j: Joules;
  readonly power_w: Watts;
  readonly cpu_time_s: Seconds;
}

/**
 * What somebody used. `energy_err_j` is the estimated standard deviation of `energy_j`, to which the counter's own error
 * comes; null where there is none.
 */
interface UncertainUsage extends Usage {
  readonly energy_err_j: Joules | null;
}

/** One process and what it used. */
export interface NamedProcessUsage extends UncertainUsage {
  readonly pid: number;
  /** Start of the process, ISO 8601; with the pid its identity. */
  readonly creation_time: string;
  readonly executable: string;
  /** Cgroup path below its hierarchy's mount point, `/` for the root. */
  readonly cgroup: string;
  readonly container_id: string | null;
  readonly exited: boolean;
  /** Whether it is a thread of the kernel. What ended before it was looked at is not known to be one. */
  readonly kernel: boolean;
}

/**
 * The row `(other)`: what all processes used together that have no row. They were filtered out, or cut off by a view,
 * or the kernel had no room for their names.
 */
export interface OtherProcessesUsage extends UncertainUsage {
  readonly pid: null;
  readonly creation_time: null;
  readonly executable: typeof OTHER;
  readonly cgroup: null;
  readonly container_id: null;
  readonly exited: false;
  readonly kernel: false;
}

export type ProcessUsage = NamedProcessUsage | OtherProcessesUsage;

/** One cgroup that was charged directly (tasks sit in it), without its descendants. */
export interface CgroupUsage extends Usage {
  readonly id: string;
  readonly path: string;
  readonly container_id: string | null;
  readonly container_runtime: string | null;
  readonly pod_uid: string | null;
  /** systemd unit it is in. */
  readonly unit: string | null;
  /** Whose it is, where its path tells. */
  readonly owner?: Owner;
  /** Names of its container, where they were asked for and are known. */
  readonly names?: ContainerNames;
}

/** One physical core, `id` = package:core. `counter_j` is all its CPUs were charged, `idle_j` its idle part. */
export interface CoreUsage {
  readonly id: string;
  readonly cpus: readonly number[];
  readonly counter_j: Joules;
  readonly idle_j: Joules;
}

/** One energy counter (`hw.id`) and where its Joules of the interval went; closes like the totals. */
export interface ZoneUsage {
  readonly id: string;
  /** The package it is a part of, where that has a counter too: the zones of a package add up to its energy. */
  readonly parent: string | null;
  readonly counter_j: Joules;
  readonly idle_j: Joules;
  readonly gap_j: Joules;
  readonly lost_j: Joules;
  readonly shared_j: Joules;
  /** How it was split over who ran; null: nothing of it was, or not afterwards. */
  readonly attribution: Attribution | null;
}

/**
 * An energy counter that is no part of the totals: memory, graphics (which are in their package's energy, too:
 * `parent`), or `host`, all that the machine draws. One that could not be read in the interval is not listed.
 */
export interface DomainUsage {
  readonly id: string;
  readonly type: Exclude<Domain, 'cpu'>;
  /** `measured`, or `estimated` where it is power that was integrated over time. */
  readonly kind: SourceKind;
  readonly parent: string | null;
  readonly counter_j: Joules;
}

/** What the meter itself used, and what it could not account for. */
export interface SelfUsage extends CounterEvents {
  readonly energy_j: Joules;
  readonly cpu_time_s: Seconds;
  /** Context switches accounted. */
  readonly switches: number;
  /** Charges and events that found no room and whose process detail is therefore missing. */
  readonly lost: number;
  /** Measurements that failed since the last one that did not: this one covers their time. */
  readonly skipped: number;
  /** Series that the ledger holds, with those that have ended and are still to be shown; 0 where there is no ledger. */
  readonly series: number;
}

/** That of whoever measures nothing himself. */
export const NO_SELF: SelfUsage = {
  energy_j: 0,
  cpu_time_s: 0,
  switches: 0,
  lost: 0,
  skipped: 0,
  ...NO_COUNTER_EVENTS,
  series: 0,
};

/**
 * Where the energy of one interval went, as it is printed and handed to programs: hence the names, which the schema
 * fixes, in SI units: Joules, watts, seconds. `process_j + idle_j + unattributed_j = counter_j`,
 * Σ processes = Σ cgroups = `process_j`.
 */
export interface Snapshot {
  readonly schema: typeof SNAPSHOT_SCHEMA;
  readonly time: string;
  readonly interval_s: Seconds;
  readonly source: {
    readonly name: string;
    readonly kind: SourceKind;
    readonly scope: SourceScope;
    readonly domain: string;
    /**
     * How what was counted in the interval was split afterwards over who ran: `learned` where all of it was, `time` where
     * any of it was split by run time (`zones` tell of which counter), null where none was: BPF reads the counter itself, or
     * there is none, or it counted nothing that could be split.
     */
    readonly attribution: Attribution | null;
    /** Of source `estimated` alone. */
    readonly estimate?: {
      /** Where the watts come from. */
      readonly reference: string;
      /** What their energy is of: of CPUs, or of a whole server at the wall. */
      readonly covers: 'cpu' | 'server';
      /** How many digits mean anything. */
      readonly digits: number;
    };
  };
  /** Sums over `zones`: where there are none, no counter told anything of the interval, and a 0 here is no figure. */
  readonly totals: {
    readonly counter_j: Joules;
    readonly process_j: Joules;
    readonly idle_j: Joules;
    readonly unattributed_j: Joules;
  };
  readonly unattributed: { readonly gap_j: Joules; readonly lost_j: Joules; readonly shared_j: Joules };
  readonly zones: readonly ZoneUsage[];
  readonly domains: readonly DomainUsage[];
  readonly cores: readonly CoreUsage[];
  readonly processes: readonly ProcessUsage[];
  readonly cgroups: readonly CgroupUsage[];
  readonly self: SelfUsage;
}
