// SPDX-License-Identifier: Apache-2.0
import type { Core } from '../host/cpus.ts';
import { commAt, type Columns, NO_PROCESS } from '../probe/columns.ts';
import { atOnce } from '../util/cooperative.ts';
import type { CoreUsage, ZoneUsage } from '../model/snapshot.ts';
import type { Reading, Readings } from '../model/reading.ts';
import type { EnergySource } from '../model/source.ts';

/** What one process used in the interval. */
export interface ProcessCharge {
  /** null: known by its cgroup alone. */
  readonly pid: number | null;
  readonly startNs: number;
  readonly comm: string;
  /** Where most of its run time was spent. */
  readonly cgroup: number;
  readonly joules: number;
  /** Standard deviation of `joules` as far as it comes from learned powers; null where none were learned. */
  readonly uncertainJoules: number | null;
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
/** Rows that are taken in one step, some tens of µs. */
const STEP_ROWS = 64;

/**
 * Turns what the kernel recorded, and what user space read (`readings`, by the counters' id), into Joules.
 * A zone that could not be read has no figures, and nothing is charged on its CPUs. Pure: no clock, no I/O.
 */
export function attribute(...interval: Parameters<typeof attributing>): Charges {
  return atOnce(attributing(...interval));
}

/** `attribute` in steps: with 10,000 processes it takes some ms, more before it is compiled. */
export function* attributing(
  columns: Columns,
  source: EnergySource,
  cores: readonly Core[],
  readings: Readings = new Map(),
): Generator<void, Charges> {
  const { rows, cpus } = columns;
  const zones = source.zones.map((zone) => newZone(zone.id));
  const zoneOf = new Map(source.zones.flatMap((zone, i) => zone.cpus.map((cpu) => [cpu, zones[i]!])));
  const coreUsages = cores.map((core) => ({ id: core.id, cpus: core.cpus, counter_j: 0, idle_j: 0 }));
  const coreOf = new Map(coreUsages.flatMap((core) => core.cpus.map((cpu) => [cpu, core])));
  const joulesOf = pricing(columns, source, readings, zones);

  const measured = new Set<object>();
  const processes = processTable(rows);
  const cgroups = new Map<number, Mutable<CgroupCharge>>();
  let processJoules = 0;

  for (let i = 0; i < rows.cpu.length; i++) {
    const cpu = rows.cpu[i]!;
    const pid = rows.pid[i]!;
    const core = coreOf.get(cpu);
    const zone = zoneOf.get(cpu);
    if (zone) measured.add(zone);
    if (core) measured.add(core);
    // A CPU that has just come has no counter yet: its energy is unknown.
    const joules = zone ? joulesOf(i) : 0;
    const seconds = rows.timeNs[i]! / 1e9;
    if (core) core.counter_j += joules;
    if (zone && source.reader === 'none') zone.counter_j += joules;
    if (pid === IDLE) {
      if (zone) zone.idle_j += joules;
      if (core) core.idle_j += joules;
      continue;
    }
    processJoules += joules;
    const uncertain = source.reader === 'bpf' ? rows.uncertainCounts[i]! * source.joulesPerCount : null;
    processes.add(i, { joules, seconds, uncertain });
    const id = rows.cgroup[i]!;
    let cgroup = cgroups.get(id);
    if (!cgroup) {
      cgroup = { id, process: { pid, startNs: rows.startNs[i]! }, joules: 0, seconds: 0 };
      cgroups.set(id, cgroup);
    }
    cgroup.joules += joules;
    cgroup.seconds += seconds;
    if (i % STEP_ROWS === 0) yield;
  }

  if (source.reader === 'bpf') {
    for (let i = 0; i < cpus.cpu.length; i++) {
      const zone = zoneOf.get(cpus.cpu[i]!);
      if (!zone) continue;
      measured.add(zone);
      const gap = cpus.gapCounts[i]! * source.joulesPerCount;
      // The residual is 0; were it ever not, the ledger would still close, and say so as lost.
      const lost = (cpus.lostCounts[i]! + cpus.residualCounts[i]!) * source.joulesPerCount;
      zone.gap_j += gap;
      zone.lost_j += lost;
      zone.counter_j += cpus.counts[i]! * source.joulesPerCount + gap;
    }
  }
  return {
    processes: yield* processes.charges(),
    cgroups: [...cgroups.values()],
    // Of a core or zone without a CPU in the interval nothing is known, and nothing is said.
    zones: zones.filter(({ id }, i) =>
      source.reader === 'user' ? isKnown(readings.get(id)) : measured.has(zones[i]!),
    ),
    cores: coreUsages.filter((core) => measured.has(core)),
    processJoules,
  };
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function newZone(id: string): Mutable<ZoneUsage> {
  return { id, parent: null, counter_j: 0, idle_j: 0, gap_j: 0, lost_j: 0, shared_j: 0 };
}

/** Joules of row `i`, by the kind of source. */
function pricing(
  { rows }: Columns,
  source: EnergySource,
  readings: Readings,
  zones: readonly Mutable<ZoneUsage>[],
): (i: number) => number {
  if (source.reader === 'bpf') return (i) => rows.counts[i]! * source.joulesPerCount;
  if (source.reader === 'none') {
    const { idle, busy } = source.watts;
    return (i) => (rows.timeNs[i]! / 1e9) * (rows.pid[i] === IDLE ? idle : busy);
  }
  // A polled counter is split over the run time of its CPUs, idle time by its weight.
  const zoneIndex = new Map(source.zones.flatMap((zone, i) => zone.cpus.map((cpu) => [cpu, i])));
  const weightOf = (i: number): number => rows.timeNs[i]! * (rows.pid[i] === IDLE ? source.idleWeight : 1);
  const weights = source.zones.map(() => 0);
  for (let i = 0; i < rows.cpu.length; i++) {
    const zone = zoneIndex.get(rows.cpu[i]!);
    if (zone !== undefined) weights[zone]! += weightOf(i);
  }
  const prices = zones.map((zone, i) => {
    const reading = readings.get(zone.id);
    if (!isKnown(reading)) return 0;
    zone.counter_j += reading.joules;
    if (reading.kind === 'gap' || weights[i] === 0) {
      // Of before as well, or of nobody that we know.
      zone.gap_j += reading.joules;
      return 0;
    }
    return reading.joules / weights[i]!;
  });
  return (i) => weightOf(i) * (prices[zoneIndex.get(rows.cpu[i]!) ?? -1] ?? 0);
}

function isKnown(reading: Reading | undefined): reading is Reading & { readonly joules: number } {
  return reading !== undefined && reading.kind !== 'unknown';
}

/** Adds rows up by process: 10,000 of them in some ms, hence numbers as keys and no copies. */
function processTable(rows: Columns['rows']): {
  add(row: number, used: { joules: number; seconds: number; uncertain: number | null }): void;
  charges(): Generator<void, ProcessCharge[]>;
} {
  const charges: Mutable<ProcessCharge>[] = [];
  /** Per charge: its row with the most run time, which names it, and another charge of the same pid, or -1. */
  const mainRows: number[] = [];
  const others: number[] = [];
  const first = new Map<number, number>();

  function find(row: number): number {
    const pid = rows.pid[row]!;
    const startNs = rows.startNs[row]!;
    const head = first.get(pid) ?? -1;
    for (let at = head; at >= 0; at = others[at]!) {
      // What is known by its cgroup alone stays apart by cgroup.
      const same = pid !== NO_PROCESS || rows.cgroup[mainRows[at]!] === rows.cgroup[row];
      if (charges[at]!.startNs === startNs && same) return at;
    }
    charges.push({
      pid: NO_PROCESS === pid ? null : pid,
      startNs,
      comm: '',
      cgroup: 0,
      joules: 0,
      uncertainJoules: null,
      seconds: 0,
    });
    mainRows.push(row);
    others.push(head);
    first.set(pid, charges.length - 1);
    return charges.length - 1;
  }

  return {
    add(row, { joules, seconds, uncertain }) {
      const at = find(row);
      const charge = charges[at]!;
      charge.joules += joules;
      // Not independent of one another: an error of a power is the same in all rows of its process.
      if (uncertain !== null) charge.uncertainJoules = (charge.uncertainJoules ?? 0) + uncertain;
      charge.seconds += seconds;
      if (rows.timeNs[row]! > rows.timeNs[mainRows[at]!]!) mainRows[at] = row;
    },
    *charges() {
      for (const [at, charge] of charges.entries()) {
        charge.comm = commAt(rows.comm, mainRows[at]!);
        charge.cgroup = rows.cgroup[mainRows[at]!]!;
        if (at % STEP_ROWS === 0) yield;
      }
      return charges;
    },
  };
}
