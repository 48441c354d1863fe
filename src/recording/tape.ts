// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../model/snapshot.ts';
import {
  filesOf,
  noRecording,
  type RecordedLine,
  recordedLines,
  recordingError,
  type ReadOptions,
} from './read.ts';

/** A file of a recording: the number of its first snapshot, and the time of the last one before it. */
interface Part {
  readonly file: string;
  readonly first: number;
  readonly after: number;
}

/**
 * A recording in which one can go to and fro. Of its snapshots only the times are kept: whoever goes back has the file read
 * again from its beginning.
 */
export class Tape {
  /** Ends of the intervals of its snapshots, ms since 1970, ascending. */
  readonly times: readonly number[];
  readonly #parts: readonly Part[];
  #lines: AsyncGenerator<RecordedLine, void> | undefined;
  /** Number of the snapshot that `#lines` has next, and the part that they are of. */
  #next = 0;
  #part = 0;

  private constructor(parts: readonly Part[], times: readonly number[]) {
    this.#parts = parts;
    this.times = times;
  }

  /** Reads it once through. @throws EnergyError for what is no recording, or has no snapshot in it. */
  static async open(path: string, options: ReadOptions = {}): Promise<Tape> {
    const times: number[] = [];
    const parts: Part[] = [];
    // They are told once something was read: a file of somebody's that was named by mistake is not damaged.
    const complaints: string[] = [];
    const collecting = { ...options, complain: (line: string) => void complaints.push(line) };
    for (const file of filesOf(path)) {
      parts.push({ file, first: times.length, after: times.at(-1) ?? -Infinity });
      for await (const { time } of recordedLines(file, parts.at(-1)!.after, collecting)) times.push(time);
    }
    if (times.length === 0)
      throw complaints.length > 0 ? noRecording(path) : recordingError(`there is no snapshot in ${path}`);
    for (const complaint of complaints) options.complain?.(complaint);
    return new Tape(parts, times);
  }

  /** Number of the first snapshot that ends at a time or later; the last one where none does. */
  indexAt(time: number): number {
    const index = this.times.findIndex((one) => one >= time);
    return index < 0 ? this.times.length - 1 : index;
  }

  /** The snapshots of these numbers, both included. To be called again once it has resolved. */
  async read(from: number, to: number): Promise<Snapshot[]> {
    const snapshots: Snapshot[] = [];
    if (from < this.#next || !this.#lines) await this.#wind(from);
    while (this.#next <= to) {
      const step = await this.#lines!.next();
      if (step.done) {
        if (this.#part + 1 >= this.#parts.length) break;
        await this.#enter(this.#part + 1);
        continue;
      }
      if (this.#next++ >= from) snapshots.push(step.value.parse());
    }
    return snapshots;
  }

  async close(): Promise<void> {
    await this.#lines?.return();
    this.#lines = undefined;
  }

  #wind(index: number): Promise<void> {
    return this.#enter(this.#parts.findLastIndex(({ first }) => first <= index));
  }

  async #enter(part: number): Promise<void> {
    await this.close();
    const { file, first, after } = this.#parts[part]!;
    this.#part = part;
    this.#next = first;
    // What is damaged has been complained of.
    this.#lines = recordedLines(file, after);
  }
}
