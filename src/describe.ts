// SPDX-License-Identifier: Apache-2.0
import type { Charges, ProcessCharge } from './attribute.ts';
import type { Interval } from './collector.ts';
import type { Identifier } from './identity/identify.ts';
import { type Columns, commAt, LIFE } from './native.ts';
import {
  type CgroupUsage,
  OTHER,
  type ProcessUsage,
  SNAPSHOT_SCHEMA,
  type Snapshot,
  type SelfUsage,
} from './snapshot.ts';
import type { EnergySource } from './sources/source.ts';

/** Names the charges of an interval and puts them into the shape of a snapshot. */
export function describe(parts: {
  readonly source: EnergySource;
  readonly interval: Interval;
  readonly charges: Charges;
  readonly identifier: Identifier;
  /** Forks, execs and exits of this interval that found no room. */
  readonly lostLives: number;
}): Snapshot {
  const { source, interval, charges, identifier, lostLives } = parts;
  const { seconds, columns } = interval;
  const lives = readLives(columns.lives);
  const processes = charges.processes.map((charge) => describeProcess(charge, identifier, lives, seconds));
  const cgroups = charges.cgroups.map((charge): CgroupUsage => {
    const { path, containerId } = identifier.cgroup(charge.id, charge.process);
    return {
      id: String(charge.id),
      path,
      container_id: containerId,
      energy_j: charge.joules,
      power_w: charge.joules / seconds,
      cpu_time_s: charge.seconds,
    };
  });
  const total = (key: 'counter_j' | 'idle_j' | 'gap_j' | 'lost_j' | 'shared_j'): number =>
    charges.zones.reduce((sum, zone) => sum + zone[key], 0);
  const unattributed = { gap_j: total('gap_j'), lost_j: total('lost_j'), shared_j: total('shared_j') };
  return {
    schema: SNAPSHOT_SCHEMA,
    time: new Date().toISOString(),
    interval_s: seconds,
    source: { name: source.name, kind: source.kind, scope: source.scope, domain: source.domain },
    totals: {
      counter_j: total('counter_j'),
      process_j: charges.processJoules,
      idle_j: total('idle_j'),
      unattributed_j: unattributed.gap_j + unattributed.lost_j + unattributed.shared_j,
    },
    unattributed,
    zones: charges.zones,
    cores: charges.cores,
    processes: foldOthers(processes, seconds),
    cgroups,
    self: describeSelf(processes, columns.cpus, lostLives),
  };
}

interface Lives {
  /** `pid startNs` of the processes that ended. */
  readonly exited: ReadonlySet<string>;
  /** Their last name, for those that called execve(2): a short one may never be charged under it. */
  readonly names: ReadonlyMap<string, string>;
}

function readLives(lives: Columns['lives']): Lives {
  const exited = new Set<string>();
  const names = new Map<string, string>();
  for (let i = 0; i < lives.kind.length; i++) {
    const key = `${lives.pid[i]} ${lives.startNs[i]}`;
    if (lives.kind[i] === LIFE.exit) exited.add(key);
    else if (lives.kind[i] === LIFE.exec) names.set(key, commAt(lives.comm, i));
  }
  return { exited, names };
}

function describeProcess(
  charge: ProcessCharge,
  identifier: Identifier,
  lives: Lives,
  seconds: number,
): ProcessUsage {
  const { pid, startNs, joules } = charge;
  const usage = { energy_j: joules, power_w: joules / seconds, cpu_time_s: charge.seconds };
  if (pid === null) {
    return {
      pid,
      creation_time: null,
      executable: OTHER,
      cgroup: null,
      container_id: null,
      ...usage,
      exited: false,
    };
  }
  const key = `${pid} ${startNs}`;
  const comm = lives.names.get(key) ?? charge.comm;
  const identity = identifier.identify({ pid, startNs, comm, cgroupId: charge.cgroup });
  return {
    pid,
    creation_time: identity.creationTime,
    executable: identity.executable,
    cgroup: identity.cgroupPath,
    container_id: identity.containerId,
    ...usage,
    exited: lives.exited.has(key),
  };
}

/** Puts all rows without a pid into one. */
function foldOthers(processes: readonly ProcessUsage[], seconds: number): readonly ProcessUsage[] {
  const others = processes.filter((process) => process.pid === null);
  if (others.length <= 1) return processes;
  return [...processes.filter((process) => process.pid !== null), sumAsOther(others, seconds)];
}

/** The row `(other)`: what several processes used together. */
export function sumAsOther(processes: readonly ProcessUsage[], seconds: number): ProcessUsage {
  const energy = processes.reduce((sum, process) => sum + process.energy_j, 0);
  return {
    pid: null,
    creation_time: null,
    executable: OTHER,
    cgroup: null,
    container_id: null,
    energy_j: energy,
    power_w: energy / seconds,
    cpu_time_s: processes.reduce((sum, process) => sum + process.cpu_time_s, 0),
    exited: false,
  };
}

function describeSelf(
  processes: readonly ProcessUsage[],
  cpus: Columns['cpus'],
  lostLives: number,
): SelfUsage {
  const self = processes.find(({ pid }) => pid === process.pid);
  return {
    energy_j: self?.energy_j ?? 0,
    cpu_time_s: self?.cpu_time_s ?? 0,
    switches: cpus.switches.reduce((sum, n) => sum + n, 0),
    lost: cpus.lostRows.reduce((sum, n) => sum + n, lostLives),
    rebinds: 0,
    series: 0,
  };
}
