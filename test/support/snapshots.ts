// SPDX-License-Identifier: Apache-2.0
import {
  type CgroupUsage,
  type DomainUsage,
  type NamedProcessUsage,
  NO_SELF,
  OTHER,
  type ProcessUsage,
  SNAPSHOT_SCHEMA,
  type Snapshot,
} from '../../src/model/snapshot.ts';
import type { Attribution } from '../../src/model/source.ts';
import { powerOf } from '../../src/model/units.ts';

/** What is said of a process; its cgroup is in `container_id`, if that is not null. */
export type ProcessSpec = Partial<Omit<NamedProcessUsage, 'pid' | 'creation_time'>> & {
  readonly pid?: number | null;
  readonly creation_time?: string | null;
  readonly energy_j: number;
};

export interface SnapshotSpec {
  readonly processes?: readonly ProcessSpec[];
  /** More of a container than its id, by id. */
  readonly containers?: Readonly<Record<string, Partial<CgroupUsage>>>;
  readonly idle?: number;
  readonly gap?: number;
  readonly lost?: number;
  readonly domains?: readonly DomainUsage[];
  readonly source?: Snapshot['source'];
  /** How what the counter counted was split, without its gap. */
  readonly attribution?: Attribution | null;
}

const CREATED = '2026-01-01T00:00:00.000Z';
const CORES = { name: 'power_core', kind: 'measured', scope: 'core', domain: 'cpu' } as const;

/** A snapshot of one second and one counter, `core:0:0`, that closes. */
export function snapshotOf(spec: SnapshotSpec = {}): Snapshot {
  const { idle = 1, gap = 0, lost = 0, domains = [], attribution = null } = spec;
  const source = spec.source ?? { ...CORES, attribution };
  const processes = (spec.processes ?? []).map(processOf);
  const process_j = processes.reduce((total, process) => total + process.energy_j, 0);
  const unattributed_j = gap + lost;
  const counter_j = process_j + idle + unattributed_j;
  const zone = {
    id: 'core:0:0',
    parent: null,
    counter_j,
    idle_j: idle,
    gap_j: gap,
    lost_j: lost,
    shared_j: 0,
    attribution,
  };
  return {
    schema: SNAPSHOT_SCHEMA,
    time: CREATED,
    interval_s: 1,
    source,
    totals: { counter_j, process_j, idle_j: idle, unattributed_j },
    unattributed: { gap_j: gap, lost_j: lost, shared_j: 0 },
    zones: [zone],
    domains,
    cores: [],
    processes,
    cgroups: cgroupsOf(processes, spec.containers ?? {}),
    self: { ...NO_SELF, energy_j: 0.1, cpu_time_s: 0.01, switches: 100 },
  };
}

function processOf({ pid = null, energy_j, ...named }: ProcessSpec): ProcessUsage {
  // It is an interval of a second.
  const used = { energy_j, energy_err_j: null, power_w: powerOf(energy_j, 1), cpu_time_s: 0 };
  const { executable = 'a', creation_time, ...its } = named;
  const nothing = { container_id: null, exited: false, kernel: false } as const;
  if (pid === null) return { pid, creation_time: null, executable: OTHER, cgroup: null, ...nothing, ...used };
  return {
    pid,
    creation_time: creation_time ?? CREATED,
    executable,
    cgroup: '/',
    ...nothing,
    ...used,
    ...its,
  };
}

function cgroupsOf(
  processes: readonly ProcessUsage[],
  containers: Readonly<Record<string, Partial<CgroupUsage>>>,
): CgroupUsage[] {
  const cgroups = new Map<string, CgroupUsage>();
  for (const { cgroup, container_id, energy_j } of processes) {
    const path = cgroup ?? '/';
    const former = cgroups.get(path)?.energy_j ?? 0;
    cgroups.set(path, {
      id: path,
      path,
      container_id,
      container_runtime: null,
      pod_uid: null,
      unit: null,
      power_w: 0,
      cpu_time_s: 0,
      ...containers[container_id ?? ''],
      energy_j: former + energy_j,
    });
  }
  return [...cgroups.values()];
}
