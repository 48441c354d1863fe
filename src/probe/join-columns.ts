// SPDX-License-Identifier: Apache-2.0
import type { Columns } from './columns.ts';

/**
 * The columns of two drains that followed one another as those of one. A CPU then has two entries in `cpus`, and a
 * process of a CPU two rows, which are to be added up as those of several CPUs are.
 */
export function joinColumns(earlier: Columns, later: Columns): Columns {
  return {
    rows: joinGroup(earlier.rows, later.rows),
    packages: joinGroup(earlier.packages, later.packages),
    cpus: joinGroup(earlier.cpus, later.cpus),
    lifecycle: joinGroup(earlier.lifecycle, later.lifecycle),
    mkdirs: joinGroup(earlier.mkdirs, later.mkdirs),
    lostEvents: later.lostEvents,
    timeNs: later.timeNs,
  };
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
