// SPDX-License-Identifier: Apache-2.0
import { type ProcessTable, tableOf } from '../attribution/process-table.ts';
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
  /** Of each row its index in the table, who it is, and where. */
  readonly #at: Uint32Array;
  readonly #who: Process[];
  readonly #where: Cgroup[];
  #length = 0;
  /** The row of all others, if there are any. */
  #other: OtherProcessesUsage | undefined;

  constructor(table: ProcessTable, interval: Seconds) {
    this.#table = table;
    this.#interval = interval;
    // At once what there is at most: lists that grow are copied again and again. Array.from would visit each element.
    const { length } = table;
    /* oxlint-disable unicorn/no-new-array */
    this.#at = new Uint32Array(length);
    this.#who = new Array<Process>(length);
    this.#where = new Array<Cgroup>(length);
    /* oxlint-enable unicorn/no-new-array */
  }

  add(index: number, who: Process, where: Cgroup): void {
    this.#at[this.#length] = index;
    this.#who[this.#length] = who;
    this.#where[this.#length++] = where;
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
    const { path, containerId } = this.#where[row]!;
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
  const table = tableOf(charges);
  const rows = new ProcessRows(table, interval.seconds);
  const rest: Used[] = charges.unidentified ? [charges.unidentified] : [];
  const charged = { pid: 0, startNs: 0, row: 0 };
  await inSlices(
    stepping(table.length, (index) => {
      charged.pid = table.pid[index]!;
      charged.startNs = table.startNs[index]!;
      charged.row = table.row[index]!;
      const who = identifier.process(charged);
      const where = identifier.cgroup(table.cgroup[index]!, charged);
      if (filter.process(who.executable, where.path)) rows.add(index, who, where);
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
