// SPDX-License-Identifier: Apache-2.0

const NEWLINE = 10;

/** Cuts what comes in into lines, of which only the one that is not complete is kept, and of that no more than a line may have. */
export class Lines {
  readonly #longest: number;
  #rest: Buffer = Buffer.alloc(0);

  /** `longest`: bytes of a line, without its end. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  add(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
  }

  /** The next line; undefined: it is not complete, null: it is too long. */
  take(): string | undefined | null {
    const end = this.#rest.indexOf(NEWLINE);
    if ((end < 0 ? this.#rest.length : end) > this.#longest) return null;
    if (end < 0) return undefined;
    const line = this.#rest.toString('utf8', 0, end);
    this.#rest = this.#rest.subarray(end + 1);
    return line;
  }
}
