// SPDX-License-Identifier: Apache-2.0
import type { Label } from './label.ts';

/** Callbacks inside one another that are followed; those deeper are charged to the one that they are in. */
const MAX_DEPTH = 4096;

/**
 * Charges the CPU time of one thread to labels, every nanosecond to exactly one: the clock is read whenever what the
 * thread works on changes, so idle time and other programs cost nobody anything.
 */
export class ThreadClock {
  readonly #now: () => number;
  readonly #outside: Label;
  #touched: Label[] = [];
  #label: Label;
  #sinceNs: number;
  #depth = 0;
  readonly #ids: number[] = [];
  readonly #suspended: Label[] = [];

  /** `now`: CPU time of this thread, ns. `outside`: who is charged while there is no label. */
  constructor(now: () => number, outside: Label) {
    this.#now = now;
    this.#outside = outside;
    this.#label = outside;
    this.#sinceNs = now();
  }

  /** Charges what was used up to now, and from now on `label`. Returns who was charged. */
  switchTo(label: Label | undefined): Label {
    const before = this.#label;
    const next = label ?? this.#outside;
    if (next !== before) {
      this.#charge();
      this.#label = next;
    }
    return before;
  }

  /** A callback begins. */
  enter(id: number, label: Label | undefined): void {
    if (this.#depth >= MAX_DEPTH) return;
    this.#ids[this.#depth] = id;
    this.#suspended[this.#depth++] = this.switchTo(label);
  }

  /** A callback has ended; those inside it that threw have ended as well. One that is not known is left alone. */
  leave(id: number): void {
    let at = this.#depth - 1;
    while (at >= 0 && this.#ids[at] !== id) at--;
    if (at < 0) return;
    this.#depth = at;
    this.switchTo(this.#suspended[at]);
  }

  /** Nobody's callbacks are followed any longer: all is charged to what is outside. */
  stop(): void {
    this.#depth = 0;
    this.switchTo(undefined);
  }

  /** Who was charged since the last call. The caller takes out `cpuNs` and `touched`. */
  take(): Label[] {
    this.#charge();
    const taken = this.#touched;
    this.#touched = [];
    return taken;
  }

  #charge(): void {
    const nowNs = this.#now();
    const label = this.#label;
    label.cpuNs += nowNs - this.#sinceNs;
    this.#sinceNs = nowNs;
    if (label.touched) return;
    label.touched = true;
    this.#touched.push(label);
  }
}
