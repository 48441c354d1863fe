// SPDX-License-Identifier: Apache-2.0
import type { ContainerNames } from './container.ts';
import type { Incidents } from './counter-events.ts';
import type { Domain, SourceKind, SourceScope } from './source.ts';

/** Schema name of a snapshot as the command line prints it. */
export const SNAPSHOT_SCHEMA = 'joules.snapshot/1';

/** What has no row or series of its own. */
export const OTHER = '(other)';
/** A cgroup that could not be looked up. */
export const UNKNOWN = '(unknown)';
/** All kernel threads, as one executable. */
export const KERNEL = '(kernel)';

/** One process and what it used within the interval. Numbers are SI: Joules, watts, seconds. */
export interface ProcessUsage {
  /** null only in the row `(other)` that a view folds the rest into. */
  readonly pid: number | null;
  /** Start of the process, ISO 8601; with the pid its identity. */
  readonly creation_time: string | null;
  readonly executable: string;
  /** Cgroup path below its hierarchy's mount point, `/` for the root. */
  readonly cgroup: string | null;
  readonly container_id: string | null;
  readonly energy_j: number;
  /** Estimated standard deviation of `energy_j`, beside the counter's own error; null where there is none. */
  readonly energy_err_j: number | null;
  readonly power_w: number;
  readonly cpu_time_s: number;
  readonly exited: boolean;
  /** A kernel thread. */
  readonly kernel: boolean;
}

/** One cgroup that was charged directly (tasks sit in it), without its descendants. */
export interface CgroupUsage {
  readonly id: string;
  readonly path: string;
  readonly container_id: string | null;
  readonly container_runtime: string | null;
  readonly pod_uid: string | null;
  /** systemd unit it is in. */
  readonly unit: string | null;
  /** Names of its container, where they were asked for and are known. */
  readonly names?: ContainerNames;
  readonly energy_j: number;
  readonly power_w: number;
  readonly cpu_time_s: number;
}

/** One physical core, `id` = package:core. `counter_j` is all its CPUs were charged, `idle_j` its idle part. */
export interface CoreUsage {
  readonly id: string;
  readonly cpus: readonly number[];
  readonly counter_j: number;
  readonly idle_j: number;
}

/** One energy counter (`hw.id`) and where its Joules of the interval went; closes like the totals. */
export interface ZoneUsage {
  readonly id: string;
  /** The package it is a part of, where that has a counter too: the zones of a package add up to its energy. */
  readonly parent: string | null;
  readonly counter_j: number;
  readonly idle_j: number;
  readonly gap_j: number;
  readonly lost_j: number;
  readonly shared_j: number;
}

/**
 * An energy counter that is no part of the totals: memory, graphics (which are in their package's energy, too:
 * `parent`), or `host`, all that the machine draws. One that could not be read in the interval is not listed.
 */
export interface DomainUsage {
  readonly id: string;
  readonly type: Exclude<Domain, 'cpu'>;
  readonly parent: string | null;
  readonly counter_j: number;
}

/** What the meter itself used, and what it could not account for. */
export interface SelfUsage extends Incidents {
  readonly energy_j: number;
  readonly cpu_time_s: number;
  /** Context switches accounted. */
  readonly switches: number;
  /** Charges and events that found no room and whose process detail is therefore missing. */
  readonly lost: number;
  /** Series exported at the last collection; 0 where nothing is exported. */
  readonly series: number;
}

/**
 * Where the energy of one interval went. `process_j + idle_j + unattributed_j = counter_j`,
 * Σ processes = Σ cgroups = `process_j`.
 */
export interface Snapshot {
  readonly schema: typeof SNAPSHOT_SCHEMA;
  readonly time: string;
  readonly interval_s: number;
  readonly source: {
    readonly name: string;
    readonly kind: SourceKind;
    readonly scope: SourceScope;
    readonly domain: string;
  };
  readonly totals: {
    readonly counter_j: number;
    readonly process_j: number;
    readonly idle_j: number;
    readonly unattributed_j: number;
  };
  readonly unattributed: { readonly gap_j: number; readonly lost_j: number; readonly shared_j: number };
  readonly zones: readonly ZoneUsage[];
  readonly domains: readonly DomainUsage[];
  readonly cores: readonly CoreUsage[];
  readonly processes: readonly ProcessUsage[];
  readonly cgroups: readonly CgroupUsage[];
  readonly self: SelfUsage;
}
