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

/** Rows at which the smallest are folded while a frame is made: one of a long recording has thousands of snapshots. */
const ROWS_MEANWHILE = 10 * ROWS;

/** What has been added up of a frame: of its snapshots nothing else is kept. */
interface Begun {
  time: string;
  ms: number;
  sums: RowSums;
  readonly processes: Map<number, Known>;
  readonly groups: Map<string, KnownGroup>;
  /** Joules of each core and of its idle part. */
  readonly cores: Map<number, [number, number]>;
  /** In Joules. */
  readonly ledger: Record<Exclude<keyof LedgerParts, 'process'>, number>;
  readonly self: [joules: number, switches: number, lost: number];
}

/** Makes frames of snapshots: processes that ended are folded by program and cgroup, names become numbers. */
export class FrameMaker {
  readonly dictionary: Dictionary = new Dictionary();
  readonly #namesProcesses: boolean;
  readonly #leastMs: number;
  /** Of the last frame. */
  #processes: Begun['processes'] = new Map();
  #groups: Begun['groups'] = new Map();
  #begun: Begun | undefined;

  /** Without `namesProcesses` those of a program in a cgroup are one row. A frame covers `leastMs` at least. */
  constructor(options: { readonly namesProcesses: boolean; readonly leastMs?: number | undefined }) {
    this.#namesProcesses = options.namesProcesses;
    this.#leastMs = options.leastMs ?? LEAST_MS;
  }

  /**
   * The frame that ends with this snapshot, unless it is too short yet. A snapshot to which no counter told anything is in
   * none: its zeros are no figures, and it ends what was begun before.
   */
  add(snapshot: Snapshot): Frame | undefined {
    if (snapshot.zones.length === 0) return this.rest();
    const begun = (this.#begun ??= beginFrame());
    const { cgroups, cores } = snapshot;
    begun.time = snapshot.time;
    begun.ms += snapshot.interval_s * 1000;
    for (const cgroup of cgroups) this.#group(begun, cgroup.path, cgroup);
    for (const process of eachProcess(snapshot)) this.#add(begun, process);
    for (const { id, counter_j, idle_j } of cores) {
      const number = this.dictionary.core(id);
      const [counted, idle] = begun.cores.get(number) ?? [0, 0];
      begun.cores.set(number, [counted + counter_j, idle + idle_j]);
    }
    addFigures(begun, snapshot);
    if (begun.sums.size > ROWS_MEANWHILE) this.#fold(begun);
    return begun.ms < this.#leastMs ? undefined : this.rest();
  }

  /** The frame of what was too short for one, if anything was. */
  rest(): Frame | undefined {
    const begun = this.#begun;
    if (!begun) return undefined;
    this.#begun = undefined;
    // Whoever used nothing this time is asked for anew when it does.
    this.#processes = begun.processes;
    this.#groups = begun.groups;
    const { time, ms, ledger, self } = begun;
    const rows = toRows(wholeMicro(largest(begun.sums, ROWS, this.#restOf)));
    const groups = this.#sumGroups(rows.id, rows.energy);
    const process = rows.energy.reduce((total, energy) => total + energy, 0);
    const names = this.dictionary.takeNews();
    return {
      time: Date.parse(time),
      ms: Math.round(ms * 1000) / 1000,
      ledger: {
        process,
        idle: micro(ledger.idle),
        shared: micro(ledger.shared),
        gap: micro(ledger.gap),
        lost: micro(ledger.lost),
      },
      cores: [...begun.cores].flatMap(([core, [counted, idle]]) => [core, micro(counted), micro(idle)]),
      groups,
      rows,
      self: [micro(self[0]), self[1], self[2]],
      ...(names && { names }),
    };
  }

  readonly #restOf = (row: number): number => this.dictionary.restOf(this.dictionary.groupOf(row));

  /** Keeps the largest rows; names that nobody has been told yet are not told. */
  #fold(begun: Begun): void {
    begun.sums = largest(begun.sums, ROWS, this.#restOf);
    this.dictionary.withdraw((row) => !begun.sums.has(row));
    for (const [pid, { row }] of begun.processes) if (!begun.sums.has(row)) begun.processes.delete(pid);
  }

  #add(begun: Begun, process: ProcessUsage): void {
    const { sums } = begun;
    const row = this.#rowOf(begun, process);
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

  #rowOf(begun: Begun, process: ProcessUsage): number {
    const { pid, creation_time, executable, cgroup, exited, kernel } = process;
    const group = this.#group(begun, cgroup ?? OTHER);
    if (pid === null) return this.dictionary.restOf(group);
    const named = { program: executable, group, kernel };
    if (exited) return this.dictionary.row({ kind: 'ended', pid: null, created: null, ...named });
    if (!this.#namesProcesses)
      return this.dictionary.row({ kind: 'process', pid: null, created: null, ...named });
    const known = this.#processes.get(pid);
    const isSame =
      known?.created === creation_time &&
      known.program === executable &&
      known.cgroup === cgroup &&
      this.dictionary.rows.has(known.row);
    const row = isSame
      ? known.row
      : this.dictionary.row({ kind: 'process', pid, created: creation_time, ...named });
    begun.processes.set(pid, isSame ? known : { created: creation_time, program: executable, cgroup, row });
    return row;
  }

  #group(begun: Begun, path: string, usage?: CgroupUsage): number {
    const seen = begun.groups.get(path);
    if (seen) return seen.number;
    if (begun.groups.size >= GROUPS) return this.dictionary.group(placeOf(OTHER));
    const known = this.#groups.get(path);
    // What no row was left of is forgotten, and numbered anew.
    const isSame =
      known !== undefined &&
      isSameNames(known.names, usage?.names) &&
      this.dictionary.groups.has(known.number);
    const number = isSame ? known.number : this.dictionary.group(placeOf(path, usage));
    begun.groups.set(path, isSame ? known : { names: usage?.names, number });
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

function beginFrame(): Begun {
  return {
    time: '',
    ms: 0,
    sums: new Map(),
    processes: new Map(),
    groups: new Map(),
    cores: new Map(),
    ledger: { idle: 0, shared: 0, gap: 0, lost: 0 },
    self: [0, 0, 0],
  };
}

function addFigures({ ledger, self: sum }: Begun, { totals, unattributed, self }: Snapshot): void {
  ledger.idle += totals.idle_j;
  ledger.shared += unattributed.shared_j;
  ledger.gap += unattributed.gap_j;
  ledger.lost += unattributed.lost_j;
  sum[0] += self.energy_j;
  sum[1] += self.switches;
  sum[2] += self.lost;
}
