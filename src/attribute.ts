// SPDX-License-Identifier: Apache-2.0
import type { Core } from './cpus.ts';
import { commAt, type Columns, NO_PROCESS } from './native.ts';
import type { CoreUsage, ZoneUsage } from './snapshot.ts';
import type { EnergySource } from './sources/source.ts';

/** What one process used in the interval. */
export interface ProcessCharge {
  /** null: known by its cgroup alone. */
  readonly pid: number | null;
  readonly startNs: number;
  readonly comm: string;
  /** Where most of its run time was spent. */
  readonly cgroup: number;
  readonly joules: number;
  readonly seconds: number;
}

export interface CgroupCharge {
  readonly id: number;
  /** A process that was charged in it: a way to its path. */
  readonly process: { readonly pid: number; readonly startNs: number };
  readonly joules: number;
  readonly seconds: number;
}

/** Where the energy of an interval went: Σ zones.counter_j = Σ processes + Σ zones' idle, gap, lost and shared. */
export interface Charges {
  readonly processes: readonly ProcessCharge[];
  readonly cgroups: readonly CgroupCharge[];
  readonly zones: readonly ZoneUsage[];
  readonly cores: readonly CoreUsage[];
  readonly processJoules: number;
}

const IDLE = 0;

/**
 * Turns what the kernel recorded into Joules. Pure: no clock, no I/O.
 *
 * `gapZones`: indexes of polled zones whose last reading failed, so that what they advanced since covers
 * more than this interval and belongs to nobody.
 */
export function attribute(
  columns: Columns,
  source: EnergySource,
  cores: readonly Core[],
  gapZones: ReadonlySet<number> = new Set(),
): Charges {
  const { rows, cpus } = columns;
  const zones = source.zones.map((zone) => newZone(zone.id));
  const zoneOf = new Map(source.zones.flatMap((zone, i) => zone.cpus.map((cpu) => [cpu, zones[i]!])));
  const coreUsages = cores.map((core) => ({ id: core.id, cpus: core.cpus, counter_j: 0, idle_j: 0 }));
  const coreOf = new Map(coreUsages.flatMap((core) => core.cpus.map((cpu) => [cpu, core])));
  const joulesOf = pricing(columns, source, gapZones, zones);

  const processes = new Map<string, Mutable<ProcessCharge> & { most: number }>();
  const cgroups = new Map<number, Mutable<CgroupCharge>>();
  let processJoules = 0;

  for (let i = 0; i < rows.cpu.length; i++) {
    const cpu = rows.cpu[i]!;
    const pid = rows.pid[i]!;
    const joules = joulesOf(i);
    const seconds = rows.timeNs[i]! / 1e9;
    const core = coreOf.get(cpu);
    const zone = zoneOf.get(cpu);
    if (core) core.counter_j += joules;
    if (zone && source.reader === 'none') zone.counter_j += joules;
    if (pid === IDLE) {
      if (zone) zone.idle_j += joules;
      if (core) core.idle_j += joules;
      continue;
    }
    processJoules += joules;
    addProcess(processes, columns, i, joules, seconds);
    const id = rows.cgroup[i]!;
    const cgroup = cgroups.get(id) ?? {
      id,
      process: { pid, startNs: rows.startNs[i]! },
      joules: 0,
      seconds: 0,
    };
    cgroup.joules += joules;
    cgroup.seconds += seconds;
    cgroups.set(id, cgroup);
  }

  if (source.reader === 'bpf') {
    for (let i = 0; i < cpus.cpu.length; i++) {
      const zone = zoneOf.get(cpus.cpu[i]!);
      if (!zone) continue;
      const gap = cpus.gapCounts[i]! * source.joulesPerCount;
      // The residual is 0; were it ever not, the ledger would still close, and say so as lost.
      const lost = (cpus.lostCounts[i]! + cpus.residualCounts[i]!) * source.joulesPerCount;
      zone.gap_j += gap;
      zone.lost_j += lost;
      zone.counter_j += cpus.counts[i]! * source.joulesPerCount + gap;
    }
  }
  return {
    processes: [...processes.values()].map(({ most: _, ...charge }) => charge),
    cgroups: [...cgroups.values()],
    zones,
    cores: coreUsages,
    processJoules,
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function newZone(id: string): Mutable<ZoneUsage> {
  return { id, counter_j: 0, idle_j: 0, gap_j: 0, lost_j: 0, shared_j: 0 };
}

/** Joules of row `i`, by the kind of source. */
function pricing(
  { rows, polledCounts }: Columns,
  source: EnergySource,
  gapZones: ReadonlySet<number>,
  zones: readonly Mutable<ZoneUsage>[],
): (i: number) => number {
  if (source.reader === 'bpf') return (i) => rows.counts[i]! * source.joulesPerCount;
  if (source.reader === 'none') {
    const { idle, busy } = source.watts;
    return (i) => (rows.timeNs[i]! / 1e9) * (rows.pid[i] === IDLE ? idle : busy);
  }
  // A polled counter is split over the run time of its CPUs, idle included.
  const zoneIndex = new Map(source.zones.flatMap((zone, i) => zone.cpus.map((cpu) => [cpu, i])));
  const timeNs = source.zones.map(() => 0);
  for (let i = 0; i < rows.cpu.length; i++) {
    const zone = zoneIndex.get(rows.cpu[i]!);
    if (zone !== undefined) timeNs[zone]! += rows.timeNs[i]!;
  }
  const joulesPerNs = source.zones.map((_, i) => {
    const joules = polledCounts[i]! * source.joulesPerCount;
    if (Number.isNaN(joules)) return 0;
    zones[i]!.counter_j += joules;
    if (gapZones.has(i) || timeNs[i] === 0) {
      zones[i]!.gap_j += joules;
      return 0;
    }
    return joules / timeNs[i]!;
  });
  return (i) => rows.timeNs[i]! * (joulesPerNs[zoneIndex.get(rows.cpu[i]!) ?? -1] ?? 0);
}

function addProcess(
  processes: Map<string, Mutable<ProcessCharge> & { most: number }>,
  { rows }: Columns,
  i: number,
  joules: number,
  seconds: number,
): void {
  const pid = NO_PROCESS === rows.pid[i] ? null : rows.pid[i]!;
  const startNs = rows.startNs[i]!;
  const key = `${pid}:${startNs}:${pid === null ? rows.cgroup[i]! : ''}`;
  let process = processes.get(key);
  if (!process) {
    process = { pid, startNs, comm: '', cgroup: 0, joules: 0, seconds: 0, most: -1 };
    processes.set(key, process);
  }
  process.joules += joules;
  process.seconds += seconds;
  if (seconds > process.most) {
    process.most = seconds;
    process.comm = commAt(rows.comm, i);
    process.cgroup = rows.cgroup[i]!;
  }
}
