// SPDX-License-Identifier: Apache-2.0
import type { Columns } from './columns.ts';

/**
 * The columns of two drains that followed one another as those of one. A CPU then has two entries in `cpus`, and a
 * process of a CPU two rows, which are to be added up as those of several CPUs are. What is told of a process, or a
 * cgroup, of both is what the later drain says.
 */
export function joinColumns(earlier: Columns, later: Columns): Columns {
  const cgroups = joinLists(earlier.cgroups, later.cgroups, ({ id }, i) => `${id[i]}`);
  const inJoined = (index: number): number => cgroups.indexes[index] ?? index;
  const processes = joinLists(
    earlier.processes,
    { ...later.processes, cgroup: later.processes.cgroup.map(inJoined) },
    ({ pid, startNs }, i) => `${pid[i]} ${startNs[i]}`,
  );
  const rows = {
    ...later.rows,
    process: later.rows.process.map((index) => processes.indexes[index] ?? index),
    cgroup: later.rows.cgroup.map(inJoined),
  };
  return {
    rows: joinGroup(earlier.rows, rows),
    processes: processes.joined,
    cgroups: cgroups.joined,
    packages: joinGroup(earlier.packages, later.packages),
    cpus: joinGroup(earlier.cpus, later.cpus),
    lifecycle: joinGroup(earlier.lifecycle, later.lifecycle),
    mkdirs: joinGroup(earlier.mkdirs, later.mkdirs),
    lostEvents: later.lostEvents,
    timeNs: later.timeNs,
  };
}

type List = Columns['processes'] | Columns['cgroups'];

/** Both lists as one that has each of a key once, and where those of the later one are in it. */
function joinLists<Group extends List>(
  earlier: Group,
  later: Group,
  keyOf: (group: Group, index: number) => string,
): { joined: Group; indexes: readonly number[] } {
  const indexes = new Map<string, number>();
  const both = joinGroup(earlier, later);
  const last: number[] = [];
  const all = Array.from(both.pid, (_, i) => {
    const key = keyOf(both, i);
    const index = indexes.get(key) ?? indexes.size;
    indexes.set(key, index);
    last[index] = i;
    return index;
  });
  return { joined: pick(both, last), indexes: all.slice(earlier.pid.length) };
}

/** The entries of these indexes. */
function pick<Group extends List>(group: Group, indexes: readonly number[]): Group {
  const columns = Object.entries(group).map(
    ([name, column]: [string, Buffer | Uint32Array | Float64Array]) => [
      name,
      Buffer.isBuffer(column)
        ? Buffer.concat(indexes.map((index) => column.subarray(16 * index, 16 * (index + 1))))
        : (column.constructor as Float64ArrayConstructor).from(indexes, (index) => column[index]!),
    ],
  );
  return Object.fromEntries(columns) as Group;
}

type Column = Buffer | Uint32Array | Int32Array | Float64Array | readonly string[];

function joinGroup<Group extends object>(earlier: Group, later: Group): Group {
  const columns = Object.entries(earlier).map(([name, column]) => [
    name,
    joinColumn(column as Column, (later as Record<string, Column>)[name]!),
  ]);
  return Object.fromEntries(columns) as Group;
}

/** Both are of the same type. */
function joinColumn(earlier: Column, later: Column): Column {
  if (Buffer.isBuffer(earlier)) return Buffer.concat([earlier, later as Buffer]);
  if (Array.isArray(earlier)) return [...earlier, ...(later as string[])];
  const typed = earlier as Float64Array<ArrayBuffer>;
  const joined = new (typed.constructor as Float64ArrayConstructor)(typed.length + later.length);
  joined.set(typed);
  joined.set(later as Float64Array, typed.length);
  return joined;
}
