// SPDX-License-Identifier: Apache-2.0
import type { Dictionary } from './dictionary.ts';
import { beginOf } from './history.ts';
import { ownerOf } from './items.ts';
import type { Span } from './shown.ts';
import type { Frame } from './wire.ts';

/** Colours for containers. */
const SLOTS = 8;
/** Time between two looks at who is among the largest. */
const SLOTS_MS = 10_000;
/** Frames this far apart have something between them that is not known, as a multiple of their length. */
const GAP = 2.5;

/** Watts over time, stacked: `times` in s since 1970, each layer with the sums of those below. Null where nothing is known. */
export interface Columns {
  readonly times: number[];
  /** One for each owner in their order, then other processes, idle, unattributed. */
  readonly layers: (number | null)[][];
}

/** µJ by owner (container, service, session) in a frame; made once. */
export class Owners {
  readonly #made = new WeakMap<Frame, ReadonlyMap<string, number>>();
  readonly #slots = new Map<string, number>();
  /** Time of the last frame that colours were given by, and whose names these are. */
  #asOf = 0;
  #dictionary: Dictionary | undefined;

  of(frame: Frame, dictionary: Dictionary): ReadonlyMap<string, number> {
    const known = this.#made.get(frame);
    if (known) return known;
    const owners = new Map<string, number>();
    for (let i = 0; i < frame.groups.length; i += 2) {
      const group = dictionary.groups.get(frame.groups[i]!);
      if (!group) continue;
      const { key } = ownerOf(group);
      owners.set(key, (owners.get(key) ?? 0) + frame.groups[i + 1]!);
    }
    this.#made.set(frame, owners);
    return owners;
  }

  /**
   * Who has a colour, and which: the largest of these frames. An owner keeps its colour for as long as it is among them,
   * and its place against one that is hardly larger.
   */
  slots(frames: readonly Frame[], dictionary: Dictionary): ReadonlyMap<string, number> {
    const last = frames.at(-1)?.time ?? 0;
    const isCurrent = Math.abs(last - this.#asOf) < SLOTS_MS && frames.length > SLOTS_MS / 1000;
    if (isCurrent && this.#dictionary === dictionary) return this.#slots;
    this.#asOf = last;
    this.#dictionary = dictionary;
    const energy = new Map<string, number>();
    for (const frame of frames)
      for (const [key, more] of this.of(frame, dictionary)) energy.set(key, (energy.get(key) ?? 0) + more);
    for (const key of this.#slots.keys()) energy.set(key, (energy.get(key) ?? 0) * 1.2);
    const largest = [...energy]
      .filter(([, more]) => more > 0)
      .toSorted(([, one], [, other]) => other - one)
      .slice(0, SLOTS)
      .map(([key]) => key);
    for (const key of this.#slots.keys()) if (!largest.includes(key)) this.#slots.delete(key);
    const free = Array.from({ length: SLOTS }, (_, slot) => slot).filter(
      (slot) => ![...this.#slots.values()].includes(slot),
    );
    for (const key of largest) if (!this.#slots.has(key)) this.#slots.set(key, free.shift()!);
    return this.#slots;
  }
}

export interface ColumnOptions {
  readonly frames: readonly Frame[];
  /** In the order of their layers. */
  readonly order: readonly string[];
  readonly window: Span;
  /** Columns at most. */
  readonly most: number;
  readonly of: (frame: Frame) => ReadonlyMap<string, number>;
}

/** Means of columns that lie on one grid of time: they do not flicker when the window moves. */
export function columnsOf({ frames, order, window, most, of }: ColumnOptions): Columns {
  const stepMs = 1000 * Math.max(1, Math.ceil((window.to - window.from) / 1000 / most));
  const times: number[] = [];
  const layers: (number | null)[][] = Array.from({ length: order.length + 3 }, () => []);
  const unknown = (time: number): void => {
    times.push(time / 1000);
    for (const layer of layers) layer.push(null);
  };
  let part: Frame[] = [];
  let isBegin = true;
  const flush = (): void => {
    if (part.length === 0) return;
    const means = stacked(part, order, of);
    // A mean is of the whole time of its frames, also at the beginning.
    for (const time of isBegin ? [beginOf(part[0]!), part.at(-1)!.time] : [part.at(-1)!.time]) {
      times.push(time / 1000);
      means.forEach((value, i) => layers[i]!.push(value));
    }
    isBegin = false;
    part = [];
  };
  let last: Frame | undefined;
  for (const frame of frames) {
    if (frame.time < window.from || frame.time > window.to) continue;
    const isApart = last && beginOf(frame) - last.time > GAP * Math.max(last.ms, 1000);
    if (last && (isApart || Math.floor(frame.time / stepMs) !== Math.floor(last.time / stepMs))) flush();
    if (last && isApart) {
      unknown(last.time + 1);
      isBegin = true;
    }
    part.push(frame);
    last = frame;
  }
  flush();
  return { times, layers };
}

/** Mean watts, each with those below it. */
function stacked(
  frames: readonly Frame[],
  order: readonly string[],
  of: ColumnOptions['of'],
): readonly number[] {
  const sums = order.map(() => 0);
  let ms = 0;
  let process = 0;
  let idle = 0;
  let nobody = 0;
  for (const frame of frames) {
    const owners = of(frame);
    order.forEach((key, i) => (sums[i]! += owners.get(key) ?? 0));
    const { ledger } = frame;
    ms += frame.ms;
    process += ledger.process;
    idle += ledger.idle;
    nobody += ledger.shared + ledger.gap + ledger.lost;
  }
  const other = process - sums.reduce((sum, value) => sum + value, 0);
  let height = 0;
  return [...sums, other, idle, nobody].map((value) => (height += value / ms / 1000));
}
