// SPDX-License-Identifier: Apache-2.0
import type { Frame } from '../../web/shared/wire.ts';
import type { Entry } from './entry.ts';

/** A frame by what is in it: µJ by number of a row, a cgroup, a core. */
interface Index {
  readonly ms: number;
  readonly rows: ReadonlyMap<number, number>;
  readonly groups: ReadonlyMap<number, number>;
  readonly cores: ReadonlyMap<number, number>;
}

/** Made once of a frame, and gone with it. */
const made = new WeakMap<Frame, Index>();

/** What rows of the screen had in each of these frames, as power: frames are not all as long. */
export function seriesIn(frames: readonly Frame[]): (entry: Entry) => number[] {
  const indexes = frames.map(indexOf);
  return (entry) => indexes.map((index) => powerIn(index, entry));
}

function powerIn(index: Index, { rows, groups, core }: Entry): number {
  if (core !== undefined) return (index.cores.get(core) ?? 0) / index.ms;
  const energies = groups ? index.groups : index.rows;
  let sum = 0;
  for (const id of groups ?? rows ?? []) sum += energies.get(id) ?? 0;
  return sum / index.ms;
}

function indexOf(frame: Frame): Index {
  const known = made.get(frame);
  if (known) return known;
  const { ms, rows, groups, cores } = frame;
  const index: Index = {
    ms,
    rows: new Map(rows!.id.map((id, i) => [id, rows!.energy[i]!])),
    groups: pairs(groups, 2),
    cores: pairs(cores, 3),
  };
  made.set(frame, index);
  return index;
}

/** Every so many numbers are a key, and a value after it. */
function pairs(flat: readonly number[], step: number): Map<number, number> {
  const found = new Map<number, number>();
  for (let i = 0; i < flat.length; i += step) found.set(flat[i]!, flat[i + 1]!);
  return found;
}
