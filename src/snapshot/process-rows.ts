// SPDX-License-Identifier: Apache-2.0
import type { ProcessTable } from '../attribution/process-table.ts';
import type { Mutable } from '../attribution/reducer.ts';
import { sumUsed, type Used } from '../attribution/used.ts';
import type { Cgroup } from '../identity/cgroup.ts';
import type { Process } from '../identity/processes.ts';
import {
  type NamedProcessUsage,
  OTHER,
  type OtherProcessesUsage,
  type ProcessUsage,
  type Snapshot,
} from '../model/snapshot.ts';
import { powerOf, type Seconds } from '../model/units.ts';
import { inSlices, stepping } from '../util/cooperative.ts';
import { lazily } from '../util/lazy.ts';
import type { Parts } from './parts.ts';

/** The rows of an interval's processes that have one, as columns, of which objects are made when they are asked for. */
class ProcessRows {
  readonly #table: ProcessTable;
  readonly #interval: Seconds;
  /** By the cgroups' index. */
  readonly #cgroups: readonly Cgroup[];
  /** Of each row its index in the table, and who it is. */
  readonly #at: Uint32Array;
  readonly #who: Process[];
  #length = 0;
  /** The row of all others, if there are any. */
  #other: OtherProcessesUsage | undefined;

  constructor(table: ProcessTable, cgroups: readonly Cgroup[], interval: Seconds) {
    this.#table = table;
    this.#cgroups = cgroups;
    this.#interval = interval;
    // At once what there is at most: lists that grow are copied again and again. Array.from would visit each element.
    const { length } = table;
    this.#at = new Uint32Array(length);
    // oxlint-disable-next-line unicorn/no-new-array
    this.#who = new Array<Process>(length);
  }

  add(index: number, who: Process): void {
    this.#at[this.#length] = index;
    this.#who[this.#length++] = who;
  }

  addOthers(rest: readonly Used[]): void {
    this.#other = otherProcesses(rest, this.#interval);
  }

  list(): ProcessUsage[] {
    const rows: ProcessUsage[] = Array.from({ length: this.#length }, (_, row) =>
      this.#fill(row, {} as Mutable<NamedProcessUsage>),
    );
    if (this.#other) rows.push(this.#other);
    return rows;
  }

  /** The same one by one: each is another one as soon as the next is taken. */
  *passing(): Generator<ProcessUsage> {
    const one = {} as Mutable<NamedProcessUsage>;
    for (let row = 0; row < this.#length; row++) yield this.#fill(row, one);
    if (this.#other) yield this.#other;
  }

  #fill(row: number, usage: Mutable<NamedProcessUsage>): NamedProcessUsage {
    const table = this.#table;
    const index = this.#at[row]!;
    const { creationTime, executable, kernel, exited } = this.#who[row]!;
    const { path, containerId } = this.#cgroups[table.cgroup[index]!]!;
    const error = table.uncertainJoules?.[index] ?? Number.NaN;
    usage.pid = table.pid[index]!;
    usage.creation_time = creationTime;
    usage.executable = executable;
    usage.cgroup = path;
    usage.container_id = containerId;
    usage.energy_j = table.joules[index]!;
    usage.energy_err_j = Number.isFinite(error) ? error : null;
    usage.power_w = powerOf(usage.energy_j, this.#interval);
    usage.cpu_time_s = table.seconds[index]!;
    usage.exited = exited;
    usage.kernel = kernel;
    return usage;
  }
}

const rowsOf = new WeakMap<object, ProcessRows>();

/** Gives a snapshot its `processes`: objects for whoever asks for them, and none for `eachProcess`. */
export function withProcesses<Rest extends object>(
  rest: Rest,
  rows: ProcessRows,
): Rest & Pick<Snapshot, 'processes'> {
  rowsOf.set(rest, rows);
  return lazily(rest, 'processes', () => rows.list());
}

/** The processes of a snapshot one by one, for whoever keeps none: each may become another one when the next is taken. */
export function eachProcess(snapshot: Pick<Snapshot, 'processes'>): Iterable<ProcessUsage> {
  return rowsOf.get(snapshot)?.passing() ?? snapshot.processes;
}

/** A row for each process that the filter shows, and one for all others if there are any. */
export async function processRows({
  interval,
  charges,
  identifier,
  filter,
}: Pick<Parts, 'interval' | 'charges' | 'identifier' | 'filter'>): Promise<ProcessRows> {
  const { table } = charges;
  const cgroups = charges.cgroups.map(({ id, process }) => identifier.cgroup(id, process));
  const rows = new ProcessRows(table, cgroups, interval.seconds);
  const rest: Used[] = charges.unidentified ? [charges.unidentified] : [];
  await inSlices(
    stepping(table.length, (index) => {
      const who = identifier.process(index);
      const { path } = cgroups[table.cgroup[index]!]!;
      if (filter.process(who.executable, path)) rows.add(index, who);
      else rest.push(table.at(index));
    }),
  );
  if (rest.length > 0) rows.addOthers(rest);
  return rows;
}

function otherProcesses(used: readonly Used[], interval: Seconds): OtherProcessesUsage {
  const { joules, uncertainJoules, seconds } = sumUsed(used);
  return {
    pid: null,
    creation_time: null,
    executable: OTHER,
    cgroup: null,
    container_id: null,
    energy_j: joules,
    energy_err_j: uncertainJoules,
    power_w: powerOf(joules, interval),
    cpu_time_s: seconds,
    exited: false,
    kernel: false,
  };
}

/** The row `(other)` of the rows that a view leaves out. */
export function sumAsOther(
  rows: readonly Pick<ProcessUsage, 'energy_j' | 'energy_err_j' | 'cpu_time_s'>[],
  interval: Seconds,
): OtherProcessesUsage {
  const used = rows.map(({ energy_j, energy_err_j, cpu_time_s }) => ({
    joules: energy_j,
    uncertainJoules: energy_err_j,
    seconds: cpu_time_s,
  }));
  return otherProcesses(used, interval);
}
