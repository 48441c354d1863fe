// SPDX-License-Identifier: Apache-2.0

/** A wall clock that is this far from where it was expected has been set, ms; less is taken for slewing. */
const STEP_MS = 500;

/** Turns monotonic time into wall time. What was said of a moment stays so until somebody sets the clock. */
export class WallClock {
  readonly #wall: () => number;
  readonly #monotonic: () => number;
  #offsetMs: number | undefined;

  constructor(wall: () => number = Date.now, monotonic: () => number = () => performance.now()) {
    this.#wall = wall;
    this.#monotonic = monotonic;
  }

  /** Takes notice of a clock that has been set. Between two calls all times have the same distance. */
  refresh(): void {
    const offsetMs = this.#wall() - this.#monotonic();
    if (this.#offsetMs === undefined || Math.abs(offsetMs - this.#offsetMs) > STEP_MS)
      this.#offsetMs = offsetMs;
  }

  /** Milliseconds since the epoch at a monotonic time. */
  at(monotonicMs: number): number {
    if (this.#offsetMs === undefined) this.refresh();
    return monotonicMs + this.#offsetMs!;
  }
}
