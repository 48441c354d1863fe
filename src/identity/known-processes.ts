// SPDX-License-Identifier: Apache-2.0
import type { Columns } from '../probe/columns.ts';

type Listed = Columns['processes'];

const COMM_BYTES = 16;

/**
 * What is known of processes, by their numbers. Of thousands nearly all are in each interval what they were in the one before:
 * that is seen without a look at any object, most of which lie in no cache of the CPU.
 */
export class KnownProcesses<Known> {
  #pid = new Uint32Array(0);
  #startNs = new Float64Array(0);
  /** The name that the kernel had for it. */
  #comm = new Uint8Array(0);
  readonly #known: Known[] = [];

  /** undefined: it is not known, or another one had its number. */
  find({ number, pid, startNs }: Listed, index: number): Known | undefined {
    const at = number[index]!;
    return this.#pid[at] === pid[index] && this.#startNs[at] === startNs[index] ? this.#known[at] : undefined;
  }

  /** The same; undefined as well if the kernel has another name for it now. */
  findUnchanged(listed: Listed, index: number): Known | undefined {
    const { number, comm } = listed;
    const [own, its] = [number[index]! * COMM_BYTES, index * COMM_BYTES];
    for (let i = 0; i < COMM_BYTES; i++) {
      const byte = this.#comm[own + i];
      if (byte !== comm[its + i]) return undefined;
      if (byte === 0) break;
    }
    return this.find(listed, index);
  }

  set({ number, pid, startNs, comm }: Listed, index: number, known: Known): void {
    const at = number[index]!;
    if (at >= this.#pid.length) this.#grow(at + 1);
    this.#pid[at] = pid[index]!;
    this.#startNs[at] = startNs[index]!;
    this.#comm.set(comm.subarray(index * COMM_BYTES, (index + 1) * COMM_BYTES), at * COMM_BYTES);
    this.#known[at] = known;
  }

  #grow(least: number): void {
    const size = Math.max(1024, 2 * least);
    const [pid, startNs, comm] = [this.#pid, this.#startNs, this.#comm];
    this.#pid = new Uint32Array(size);
    this.#startNs = new Float64Array(size);
    this.#comm = new Uint8Array(size * COMM_BYTES);
    this.#pid.set(pid);
    this.#startNs.set(startNs);
    this.#comm.set(comm);
  }
}
