// SPDX-License-Identifier: Apache-2.0
import type { ProcessKey } from '../host/procfs.ts';
import type { Used } from './used.ts';

/** What one process used in the interval. */
export interface ProcessCharge extends ProcessKey, Used {
  /** Index of its row with the most run time, which tells its name. */
  readonly row: number;
  /** Cgroup of that row. */
  readonly cgroup: number;
}

/** Spreads what it multiplies over the upper bits: 2^32 / golden ratio. */
const HASH_MULTIPLIER = 0x9e37_79b1;

/**
 * What processes used in an interval, as columns: the figures of a process stand at its index. An object each would be
 * garbage a second later, which with thousands of them costs more than all else that is done with them.
 */
export class ProcessTable {
  length = 0;
  readonly pid: Uint32Array;
  readonly startNs: Float64Array;
  /** As in `ProcessCharge`. */
  readonly row: Uint32Array;
  readonly cgroup: Float64Array;
  readonly joules: Float64Array;
  /** NaN where it is not known; null where none are. */
  readonly uncertainJoules: Float64Array | null;
  readonly seconds: Float64Array;
  /** Open addressing: index + 1 of who is there, 0 for nobody. */
  readonly #slots: Uint32Array;
  readonly #shift: number;

  /** `most`: processes that there is room for. */
  constructor(most: number, hasErrors: boolean) {
    this.pid = new Uint32Array(most);
    this.startNs = new Float64Array(most);
    this.row = new Uint32Array(most);
    this.cgroup = new Float64Array(most);
    this.joules = new Float64Array(most);
    this.uncertainJoules = hasErrors ? new Float64Array(most) : null;
    this.seconds = new Float64Array(most);
    const bits = Math.max(4, 33 - Math.clz32(most));
    this.#slots = new Uint32Array(2 ** bits);
    this.#shift = 32 - bits;
  }

  /** Index of a process, which gets one if it has none yet. */
  indexOf(pid: number, startNs: number): number {
    const mask = this.#slots.length - 1;
    let slot = Math.imul(pid, HASH_MULTIPLIER) >>> this.#shift;
    for (; this.#slots[slot] !== 0; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]! - 1;
      if (this.pid[index] === pid && this.startNs[index] === startNs) return index;
    }
    const index = this.length++;
    this.#slots[slot] = index + 1;
    this.pid[index] = pid;
    this.startNs[index] = startNs;
    return index;
  }

  at(index: number): ProcessCharge {
    const error = this.uncertainJoules?.[index] ?? Number.NaN;
    return {
      pid: this.pid[index]!,
      startNs: this.startNs[index]!,
      row: this.row[index]!,
      cgroup: this.cgroup[index]!,
      joules: this.joules[index]!,
      uncertainJoules: Number.isFinite(error) ? error : null,
      seconds: this.seconds[index]!,
    };
  }

  /** Makes an object of each as it comes up. */
  *[Symbol.iterator](): Generator<ProcessCharge> {
    for (let index = 0; index < this.length; index++) yield this.at(index);
  }
}

/** The columns of charges. */
export function tableOf(charges: {
  readonly table?: ProcessTable;
  readonly processes: readonly ProcessCharge[];
}): ProcessTable {
  if (charges.table) return charges.table;
  const { processes } = charges;
  const made = new ProcessTable(
    processes.length,
    processes.some(({ uncertainJoules }) => uncertainJoules !== null),
  );
  for (const charge of processes) {
    const index = made.indexOf(charge.pid, charge.startNs);
    made.row[index] = charge.row;
    made.cgroup[index] = charge.cgroup;
    made.joules[index] = charge.joules;
    if (made.uncertainJoules) made.uncertainJoules[index] = charge.uncertainJoules ?? Number.NaN;
    made.seconds[index] = charge.seconds;
  }
  return made;
}
