// SPDX-License-Identifier: Apache-2.0

/** Permits that come back one by one: bounds how often something may be done, whatever asks for it. */
export class Budget {
  readonly #most: number;
  readonly #refillMs: number;
  #left: number;
  #sinceMs: number | undefined;

  /** `most` at once, and one more every `refillMs`. */
  constructor(most: number, refillMs: number) {
    this.#most = most;
    this.#refillMs = refillMs;
    this.#left = most;
  }

  /** Takes a permit, if there is one. */
  take(nowMs: number): boolean {
    this.#sinceMs ??= nowMs;
    const back = Math.floor((nowMs - this.#sinceMs) / this.#refillMs);
    this.#left = Math.min(this.#most, this.#left + back);
    this.#sinceMs += back * this.#refillMs;
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
