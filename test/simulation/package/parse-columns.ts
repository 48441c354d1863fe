// SPDX-License-Identifier: Apache-2.0
import type { Columns } from '../../../src/probe/columns.ts';

/** Groups of columns by name, each with its type and length, in the order of the bytes that follow. */
type Layout = Readonly<Record<string, readonly (readonly [name: string, type: Type, length: number])[]>>;
type Type = 'u32' | 'f64' | 'char';

interface Header {
  readonly groups: Layout;
  readonly lostEvents: number;
  readonly timeNs: number;
}

/** The columns of an interval, as the replay of packages writes them (columns_out.cc). */
export function parseColumns(json: string, bytes: Buffer): Columns {
  const { groups, ...others } = JSON.parse(json) as Header;
  let at = 0;
  const take = (type: Type, length: number): Buffer | Uint32Array | Float64Array => {
    const size = length * { u32: 4, f64: 8, char: 1 }[type];
    // A copy, so that it begins where an array may.
    const copy = new Uint8Array(bytes.subarray(at, at + size));
    at += size;
    if (type === 'char') return Buffer.from(copy.buffer);
    return type === 'u32' ? new Uint32Array(copy.buffer) : new Float64Array(copy.buffer);
  };
  const parsed = Object.entries(groups).map(([group, columns]) => [
    group,
    Object.fromEntries(columns.map(([name, type, length]) => [name, take(type, length)])),
  ]);
  const none = { cgroup: new Float64Array(), path: [] };
  return { ...(Object.fromEntries(parsed) as Omit<Columns, keyof Header>), mkdirs: none, ...others };
}
