// SPDX-License-Identifier: Apache-2.0
import type { Charges, ProcessCharge } from '../attribution/attribute.ts';
import type { Interval } from '../probe/collector.ts';
import type { Filter } from './filter.ts';
import type { Identifier, Subject } from '../identity/identify.ts';
import { type Lives, readLives } from '../identity/lifecycle.ts';
import { eachInSlices } from '../util/cooperative.ts';
import type { KnownContainer } from '../model/container.ts';
import type { Namer } from '../identity/namer.ts';
import {
  type CgroupUsage,
  OTHER,
  type ProcessUsage,
  SNAPSHOT_SCHEMA,
  type Snapshot,
  type SelfUsage,
} from '../model/snapshot.ts';

/**
 * Names the charges of an interval and puts them into the shape of a snapshot, without holding up the event
 * loop however many there are.
 */
export async function describe(parts: {
  readonly interval: Interval;
  readonly charges: Charges;
  readonly identifier: Identifier;
  readonly filter: Filter;
  /** Looks up names of containers, if that is asked for. */
  readonly namer: Namer | undefined;
  readonly ownPid: number;
  /** Who ended in the last intervals, by their start; kept here from call to call. */
  readonly dying: Map<number, { pid: number; rounds: number }>;
  /** Counters that are no part of the totals. */
  readonly domains: Snapshot['domains'];
  /** Forks, execs and exits of this interval that found no room. */
  readonly lostEvents: number;
}): Promise<Snapshot> {
  const time = new Date().toISOString();
  const { interval, charges, identifier, dying, domains } = parts;
  const { source, seconds, columns } = interval;
  const lives = readLives(columns.lives, dying);
  await identifier.prepare(charges.cgroups);
  const processes = await describeProcesses(parts, lives);
  const cgroups = await describeCgroups(parts);
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
    domains,
    cores: charges.cores,
    processes,
    cgroups,
    self: describeSelf(parts),
  };
}

type Parts = Parameters<typeof describe>[0];

async function describeProcesses(
  { interval: { seconds }, charges, identifier, filter }: Parts,
  lives: Lives,
): Promise<ProcessUsage[]> {
  const processes: ProcessUsage[] = [];
  const rest: ProcessUsed[] = [];
  await eachInSlices(charges.processes, (charge) => {
    if (!isOfProcess(charge)) {
      rest.push(charge);
      return;
    }
    const { pid, startNs, joules } = charge;
    const renamed = lives.names.get(startNs);
    const subject = renamed?.pid === pid ? { ...charge, comm: renamed.comm } : charge;
    const { creationTime, executable, cgroup } = identifier.identify(subject);
    if (!filter.process(executable, cgroup.path)) {
      rest.push(charge);
      return;
    }
    processes.push({
      pid,
      creation_time: creationTime,
      executable,
      cgroup: cgroup.path,
      container_id: cgroup.containerId,
      energy_j: joules,
      energy_err_j: charge.uncertainJoules,
      power_w: joules / seconds,
      cpu_time_s: charge.seconds,
      exited: lives.exited.get(startNs)?.pid === pid,
      kernel: false,
    });
  });
  if (rest.length > 0) processes.push(otherProcesses(rest, seconds));
  return processes;
}

function isOfProcess(charge: ProcessCharge): charge is ProcessCharge & Subject {
  return charge.pid !== null;
}

async function describeCgroups({
  interval: { seconds },
  charges,
  identifier,
  filter,
  namer,
}: Parts): Promise<CgroupUsage[]> {
  await namer?.prepare(containersOf(charges, identifier));
  const cgroups: CgroupUsage[] = [];
  const rest: Used[] = [];
  await eachInSlices(charges.cgroups, (charge) => {
    const { path, containerId, runtime, podUid, unit } = identifier.cgroup(charge.id, charge.process);
    if (!filter.cgroup(path)) {
      rest.push(charge);
      return;
    }
    const names = containerId === null ? undefined : namer?.of(containerId);
    cgroups.push({
      id: String(charge.id),
      path,
      container_id: containerId,
      container_runtime: runtime,
      pod_uid: podUid,
      unit,
      ...(names && { names }),
      ...inAll([charge], seconds),
    });
  });
  if (rest.length > 0) {
    const nothing = { container_id: null, container_runtime: null, pod_uid: null, unit: null };
    cgroups.push({ id: OTHER, path: OTHER, ...nothing, ...inAll(rest, seconds) });
  }
  return cgroups;
}

function containersOf(charges: Charges, identifier: Identifier): KnownContainer[] {
  const containers = new Map<string, KnownContainer>();
  for (const { id, process } of charges.cgroups) {
    const { containerId, runtime, podUid } = identifier.cgroup(id, process);
    if (containerId !== null) containers.set(containerId, { containerId, runtime, podUid });
  }
  return [...containers.values()];
}

interface Used {
  readonly joules: number;
  readonly seconds: number;
}

interface ProcessUsed extends Used {
  readonly uncertainJoules: number | null;
}

function inAll(
  used: readonly Used[],
  interval: number,
): { readonly energy_j: number; readonly power_w: number; readonly cpu_time_s: number } {
  const energy = used.reduce((sum, { joules }) => sum + joules, 0);
  const cpuTime = used.reduce((sum, { seconds }) => sum + seconds, 0);
  return { energy_j: energy, power_w: energy / interval, cpu_time_s: cpuTime };
}

/** At most: what one is charged too much another one may be charged too little. null where one is not known. */
export function sumOfErrors(used: readonly { readonly uncertainJoules: number | null }[]): number | null {
  return used.reduce<number | null>(
    (sum, { uncertainJoules }) => (sum === null || uncertainJoules === null ? null : sum + uncertainJoules),
    0,
  );
}

/** The row `(other)`: what several processes used together. */
function otherProcesses(used: readonly ProcessUsed[], interval: number): ProcessUsage {
  const nobody = { pid: null, creation_time: null, executable: OTHER, cgroup: null, container_id: null };
  return {
    ...nobody,
    ...inAll(used, interval),
    energy_err_j: sumOfErrors(used),
    exited: false,
    kernel: false,
  };
}

/** The same of rows that are left out of a view. */
export function sumAsOther(processes: readonly ProcessUsage[], interval: number): ProcessUsage {
  const used = processes.map((process) => ({
    joules: process.energy_j,
    uncertainJoules: process.energy_err_j,
    seconds: process.cpu_time_s,
  }));
  return otherProcesses(used, interval);
}

function describeSelf({
  interval: { columns, rebinds, gaps, resets, wraps },
  charges,
  ownPid,
  lostEvents,
}: Parts): SelfUsage {
  // Also where a filter leaves it out.
  const self = charges.processes.find(({ pid }) => pid === ownPid);
  return {
    energy_j: self?.joules ?? 0,
    cpu_time_s: self?.seconds ?? 0,
    switches: columns.cpus.switches.reduce((sum, n) => sum + n, 0),
    lost: columns.cpus.lostRows.reduce((sum, n) => sum + n, lostEvents),
    rebinds,
    gaps,
    resets,
    wraps,
    series: 0,
  };
}
