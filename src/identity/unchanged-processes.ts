// SPDX-License-Identifier: Apache-2.0
import type { Columns } from '../probe/columns.ts';
import type { Process } from './processes.ts';

type Listed = Columns['processes'];

const COMM_BYTES = 16;

/**
 * Processes as they were when they were asked for last, by their numbers. Of thousands nearly all are what they were: they
 * are found without a look at any object, most of which lie in no cache of the CPU.
 */
export class UnchangedProcesses {
  #pid = new Uint32Array(0);
  #startNs = new Float64Array(0);
  #comm = new Uint8Array(0);
  #shown: Process[] = [];

  /** undefined: another one had the number, or it has another name now. */
  find({ number, pid, startNs, comm }: Listed, index: number): Process | undefined {
    const at = number[index]!;
    if (this.#pid[at] !== pid[index] || this.#startNs[at] !== startNs[index]) return undefined;
    const [own, its] = [at * COMM_BYTES, index * COMM_BYTES];
    for (let i = 0; i < COMM_BYTES; i++) {
      const byte = this.#comm[own + i];
      if (byte !== comm[its + i]) return undefined;
      if (byte === 0) break;
    }
    return this.#shown[at];
  }

  set({ number, pid, startNs, comm }: Listed, index: number, shown: Process): void {
    const at = number[index]!;
    if (at >= this.#pid.length) this.#grow(at + 1);
    this.#pid[at] = pid[index]!;
    this.#startNs[at] = startNs[index]!;
    this.#comm.set(comm.subarray(index * COMM_BYTES, (index + 1) * COMM_BYTES), at * COMM_BYTES);
    this.#shown[at] = shown;
  }

  #grow(least: number): void {
    const size = Math.max(1024, 2 * least);
    const pid = new Uint32Array(size);
    const startNs = new Float64Array(size);
    const comm = new Uint8Array(size * COMM_BYTES);
    pid.set(this.#pid);
    startNs.set(this.#startNs);
    comm.set(this.#comm);
    this.#pid = pid;
    this.#startNs = startNs;
    this.#comm = comm;
  }
}
