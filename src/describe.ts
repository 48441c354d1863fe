// SPDX-License-Identifier: Apache-2.0
import type { Charges, ProcessCharge } from './attribute.ts';
import type { Interval } from './collector.ts';
import type { Identifier, Subject } from './identity/identify.ts';
import { type Columns, commAt, LIFE } from './columns.ts';
import { mapInSlices } from './slices.ts';
import {
  type CgroupUsage,
  OTHER,
  type ProcessUsage,
  SNAPSHOT_SCHEMA,
  type Snapshot,
  type SelfUsage,
} from './snapshot.ts';

/**
 * Names the charges of an interval and puts them into the shape of a snapshot, without holding up the event
 * loop however many there are.
 */
export async function describe(parts: {
  readonly interval: Interval;
  readonly charges: Charges;
  readonly identifier: Identifier;
  readonly ownPid: number;
  /** Who ended in the last intervals, by their start; kept here from call to call. */
  readonly dying: Map<number, { pid: number; rounds: number }>;
  /** Forks, execs and exits of this interval that found no room. */
  readonly lostEvents: number;
}): Promise<Snapshot> {
  const time = new Date().toISOString();
  const { interval, charges, identifier, ownPid, dying, lostEvents } = parts;
  const { source, seconds, columns } = interval;
  const lives = readLives(columns.lives, dying);
  await identifier.prepare(charges.cgroups);
  const processes = await mapInSlices(charges.processes, (charge) =>
    describeProcess(charge, identifier, lives, seconds),
  );
  const cgroups = await mapInSlices(charges.cgroups, (charge): CgroupUsage => {
    const { path, containerId, runtime, podUid, unit } = identifier.cgroup(charge.id, charge.process);
    return {
      id: String(charge.id),
      path,
      container_id: containerId,
      container_runtime: runtime,
      pod_uid: podUid,
      unit,
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
    time,
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
    self: describeSelf(
      processes.find(({ pid }) => pid === ownPid),
      interval,
      lostEvents,
    ),
  };
}

/** The last stints of a process come after the news of its end, mostly at once, under load somewhat later. */
const DYING_ROUNDS = 10;

/** What became of processes in the interval, by their start: unlike pids, starts in ns are not used twice. */
interface Lives {
  readonly exited: ReadonlyMap<number, { readonly pid: number }>;
  /** Last names of those that called execve(2): a short one may never be charged under it. */
  readonly names: ReadonlyMap<number, { readonly pid: number; readonly comm: string }>;
}

function readLives(
  { kind, pid, startNs, comm }: Columns['lives'],
  exited: Map<number, { pid: number; rounds: number }>,
): Lives {
  for (const [start, process] of exited) if (++process.rounds > DYING_ROUNDS) exited.delete(start);
  const names = new Map<number, { pid: number; comm: string }>();
  for (let i = 0; i < kind.length; i++) {
    if (kind[i] === LIFE.exit) exited.set(startNs[i]!, { pid: pid[i]!, rounds: 0 });
    else if (kind[i] === LIFE.exec) names.set(startNs[i]!, { pid: pid[i]!, comm: commAt(comm, i) });
  }
  return { exited, names };
}

function describeProcess(
  charge: ProcessCharge,
  identifier: Identifier,
  lives: Lives,
  seconds: number,
): ProcessUsage {
  const { joules } = charge;
  if (!isOfProcess(charge)) {
    return {
      pid: null,
      creation_time: null,
      executable: OTHER,
      cgroup: null,
      container_id: null,
      energy_j: joules,
      power_w: joules / seconds,
      cpu_time_s: charge.seconds,
      exited: false,
    };
  }
  const { pid, startNs } = charge;
  const renamed = lives.names.get(startNs);
  const subject = renamed?.pid === pid ? { ...charge, comm: renamed.comm } : charge;
  const { creationTime, executable, cgroup } = identifier.identify(subject);
  return {
    pid,
    creation_time: creationTime,
    executable,
    cgroup: cgroup.path,
    container_id: cgroup.containerId,
    energy_j: joules,
    power_w: joules / seconds,
    cpu_time_s: charge.seconds,
    exited: lives.exited.get(startNs)?.pid === pid,
  };
}

function isOfProcess(charge: ProcessCharge): charge is ProcessCharge & Subject {
  return charge.pid !== null;
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
  self: ProcessUsage | undefined,
  { columns, rebinds }: Interval,
  lostEvents: number,
): SelfUsage {
  return {
    energy_j: self?.energy_j ?? 0,
    cpu_time_s: self?.cpu_time_s ?? 0,
    switches: columns.cpus.switches.reduce((sum, n) => sum + n, 0),
    lost: columns.cpus.lostRows.reduce((sum, n) => sum + n, lostEvents),
    rebinds,
    series: 0,
  };
}
