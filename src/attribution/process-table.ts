// SPDX-License-Identifier: Apache-2.0
import type { ProcessKey } from '../host/procfs.ts';
import type { Columns } from '../probe/columns.ts';
import type { Used } from './used.ts';

/** What one process used in the interval. */
export interface ProcessCharge extends ProcessKey, Used {
  /** Its index among the processes of the interval's columns, which tell its name. */
  readonly index: number;
  /** Id of the cgroup where it ran most. */
  readonly cgroup: number;
}

/**
 * What processes used in an interval, as columns: the figures of a process stand at its index. An object each would be
 * garbage a second later, which with thousands of them costs more than all else that is done with them.
 */
export class ProcessTable {
  readonly length: number;
  readonly pid: Uint32Array;
  readonly startNs: Float64Array;
  /** Index of the cgroup where it ran most, among the interval's. */
  readonly cgroup: Uint32Array;
  readonly joules: Float64Array;
  /** NaN where it is not known; null where none are. */
  readonly uncertainJoules: Float64Array | null;
  readonly seconds: Float64Array;
  readonly #cgroupIds: Float64Array;

  /** Of processes that have used nothing yet. */
  constructor({ processes, cgroups }: Pick<Columns, 'processes' | 'cgroups'>, hasErrors: boolean) {
    const { length } = processes.pid;
    this.length = length;
    this.pid = processes.pid;
    this.startNs = processes.startNs;
    this.cgroup = processes.cgroup;
    this.#cgroupIds = cgroups.id;
    this.joules = new Float64Array(length);
    this.uncertainJoules = hasErrors ? new Float64Array(length) : null;
    this.seconds = new Float64Array(length);
  }

  /** Id of the cgroup where it ran most. */
  cgroupId(index: number): number {
    return this.#cgroupIds[this.cgroup[index]!]!;
  }

  at(index: number): ProcessCharge {
    const error = this.uncertainJoules?.[index] ?? Number.NaN;
    return {
      pid: this.pid[index]!,
      startNs: this.startNs[index]!,
      index,
      cgroup: this.cgroupId(index),
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
