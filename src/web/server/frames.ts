// SPDX-License-Identifier: Apache-2.0
import { type CgroupUsage, OTHER, type ProcessUsage, type Snapshot } from '../../model/snapshot.ts';
import { eachProcess } from '../../snapshot/process-rows.ts';
import { Dictionary } from '../shared/dictionary.ts';
import { addSum, largest, type RowSum, type RowSums, toRows } from '../shared/sums.ts';
import type { Frame, LedgerParts } from '../shared/wire.ts';
import { placeOf } from './place.ts';

/** A frame covers this much at least: who looks at the page learns no more than who scrapes every second. */
const LEAST_MS = 950;
/** Rows of a frame with a process of their own, at most, and cgroups. */
const ROWS = 3000;
const GROUPS = 1000;

/** What a process was when it was last seen, and the number of its row. */
interface Known {
  readonly created: string;
  readonly program: string;
  readonly cgroup: string;
  readonly row: number;
}

/** What a cgroup's container was called when it was last seen, and the number of the cgroup. */
interface KnownGroup {
  readonly names: CgroupUsage['names'] | undefined;
  readonly number: number;
}

/** Makes frames of snapshots: processes that ended are folded by program and cgroup, names become numbers. */
export class FrameMaker {
  readonly dictionary: Dictionary = new Dictionary();
  readonly #namesProcesses: boolean;
  readonly #leastMs: number;
  #processes = new Map<number, Known>();
  #seen = new Map<number, Known>();
  #groups = new Map<string, KnownGroup>();
  #seenGroups = new Map<string, KnownGroup>();
  #gathering: Snapshot[] = [];
  #ms = 0;

  /** Without `namesProcesses` those of a program in a cgroup are one row. A frame covers `leastMs` at least. */
  constructor(options: { readonly namesProcesses: boolean; readonly leastMs?: number | undefined }) {
    this.#namesProcesses = options.namesProcesses;
    this.#leastMs = options.leastMs ?? LEAST_MS;
  }

  /** The frame that ends with this snapshot, unless it is too short yet. */
  add(snapshot: Snapshot): Frame | undefined {
    this.#gathering.push(snapshot);
    this.#ms += snapshot.interval_s * 1000;
    return this.#ms < this.#leastMs ? undefined : this.rest();
  }

  /** The frame of what was too short for one, if anything was. */
  rest(): Frame | undefined {
    if (this.#gathering.length === 0) return undefined;
    const snapshots = this.#gathering;
    const ms = this.#ms;
    this.#gathering = [];
    this.#ms = 0;
    return this.#frame(snapshots, ms);
  }

  #frame(snapshots: readonly Snapshot[], ms: number): Frame {
    const sums: RowSums = new Map();
    this.#seenGroups = new Map();
    this.#seen = new Map();
    for (const { cgroups } of snapshots) for (const cgroup of cgroups) this.#group(cgroup.path, cgroup);
    for (const snapshot of snapshots) for (const process of eachProcess(snapshot)) this.#add(sums, process);
    // Whoever used nothing this time is asked for anew when it does.
    this.#processes = this.#seen;
    this.#groups = this.#seenGroups;
    const restOf = (row: number): number => this.dictionary.restOf(this.dictionary.groupOf(row));
    const rows = toRows(wholeMicro(largest(sums, ROWS, restOf)));
    const groups = this.#sumGroups(rows.id, rows.energy);
    const process = rows.energy.reduce((total, energy) => total + energy, 0);
    const names = this.dictionary.takeNews();
    return {
      time: Date.parse(snapshots.at(-1)!.time),
      ms: Math.round(ms * 1000) / 1000,
      ledger: ledgerOf(snapshots, process),
      cores: this.#coresOf(snapshots),
      groups,
      rows,
      self: selfOf(snapshots),
      ...(names && { names }),
    };
  }

  #add(sums: RowSums, process: ProcessUsage): void {
    const row = this.#rowOf(process);
    const sum: RowSum = {
      energy: process.energy_j,
      error: process.energy_err_j ?? Number.NaN,
      cpu: process.cpu_time_s,
      count: 1,
      seen: 1,
    };
    const total = sums.get(row);
    if (!total) sums.set(row, sum);
    else {
      const { count } = total;
      addSum(total, sum);
      // A process that was in several snapshots is still one.
      if (this.dictionary.rows.get(row)!.kind === 'process' && this.#namesProcesses) total.count = count;
    }
  }

  #rowOf({ pid, creation_time, executable, cgroup, exited, kernel }: ProcessUsage): number {
    const group = this.#group(cgroup ?? OTHER);
    if (pid === null) return this.dictionary.restOf(group);
    const named = { program: executable, group, kernel };
    if (exited) return this.dictionary.row({ kind: 'ended', pid: null, created: null, ...named });
    if (!this.#namesProcesses)
      return this.dictionary.row({ kind: 'process', pid: null, created: null, ...named });
    const known = this.#processes.get(pid);
    const isSame =
      known?.created === creation_time && known.program === executable && known.cgroup === cgroup;
    const row = isSame
      ? known.row
      : this.dictionary.row({ kind: 'process', pid, created: creation_time, ...named });
    this.#seen.set(pid, isSame ? known : { created: creation_time, program: executable, cgroup, row });
    return row;
  }

  #group(path: string, usage?: CgroupUsage): number {
    const seen = this.#seenGroups.get(path);
    if (seen) return seen.number;
    const known = this.#groups.get(path);
    const isSame = known !== undefined && isSameNames(known.names, usage?.names);
    const asked = this.#seenGroups.size < GROUPS ? path : OTHER;
    const number = isSame ? known.number : this.dictionary.group(placeOf(asked, usage));
    this.#seenGroups.set(path, isSame ? known : { names: usage?.names, number });
    return number;
  }

  #sumGroups(id: readonly number[], energy: readonly number[]): number[] {
    const groups = new Map<number, number>();
    id.forEach((row, i) => {
      const group = this.dictionary.groupOf(row);
      groups.set(group, (groups.get(group) ?? 0) + energy[i]!);
    });
    return [...groups].flat();
  }

  #coresOf(snapshots: readonly Snapshot[]): number[] {
    const cores = new Map<number, [number, number]>();
    for (const { id, counter_j, idle_j } of snapshots.flatMap(({ cores: all }) => all)) {
      const number = this.dictionary.core(id);
      const [counted, idle] = cores.get(number) ?? [0, 0];
      cores.set(number, [counted + counter_j, idle + idle_j]);
    }
    return [...cores].flatMap(([core, [counted, idle]]) => [core, micro(counted), micro(idle)]);
  }
}

function isSameNames(one: KnownGroup['names'], other: KnownGroup['names']): boolean {
  if (one === other) return true;
  if (!one || !other) return false;
  return one.name === other.name && one.k8sPod === other.k8sPod && one.k8sContainer === other.k8sContainer;
}

function micro(value: number): number {
  return Math.round(value * 1e6);
}

/**
 * Whole numbers whose sum is the rounded sum, each within one of its own: what a row is rounded up by, the next one is
 * rounded down.
 */
function wholeMicro(sums: RowSums): RowSums {
  let exact = 0;
  let given = 0;
  const whole: RowSums = new Map();
  for (const [row, { energy, error, cpu, count, seen }] of sums) {
    exact += energy * 1e6;
    const share = Math.round(exact) - given;
    given += share;
    whole.set(row, { energy: share, error: micro(error), cpu: micro(cpu), count, seen });
  }
  return whole;
}

function ledgerOf(snapshots: readonly Snapshot[], process: number): LedgerParts {
  const total = (of: (snapshot: Snapshot) => number): number =>
    micro(snapshots.reduce((sum, snapshot) => sum + of(snapshot), 0));
  return {
    process,
    idle: total(({ totals }) => totals.idle_j),
    shared: total(({ unattributed }) => unattributed.shared_j),
    gap: total(({ unattributed }) => unattributed.gap_j),
    lost: total(({ unattributed }) => unattributed.lost_j),
  };
}

function selfOf(snapshots: readonly Snapshot[]): Frame['self'] {
  const total = (of: (self: Snapshot['self']) => number): number =>
    snapshots.reduce((sum, { self }) => sum + of(self), 0);
  return [
    micro(total(({ energy_j }) => energy_j)),
    total(({ switches }) => switches),
    total(({ lost }) => lost),
  ];
}
