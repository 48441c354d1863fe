// SPDX-License-Identifier: Apache-2.0
import type { Label } from './label.ts';

/** Callbacks inside one another that are followed; those deeper are charged to the one that they are in. */
const MAX_DEPTH = 4096;

/**
 * What lasts less, ms, is charged by the wall clock: to read the thread's CPU clock is a system call, and an `await` is
 * over sooner than that. A thread that loses its CPU is away for longer, so then the CPU clock is read.
 */
const SHORT_MS = 0.02;
/** The same where nobody is charged: the event loop sleeps there, for longer than a thread takes to sleep and wake up. */
const SHORT_OUTSIDE_MS = 0.005;

export interface Clocks {
  /** CPU time of this thread, ns. */
  cpuNs(): number;
  /** Any time that goes on steadily, ms. */
  wallMs(): number;
}

/**
 * Charges the CPU time of one thread to labels, every nanosecond to exactly one: a clock is read whenever what the
 * thread works on changes, so idle time and other programs cost nobody anything. What the wall clock charged too much,
 * the next one is charged less by the CPU clock.
 */
export class ThreadClock {
  readonly #clocks: Clocks;
  readonly #outside: Label;
  #touched: Label[] = [];
  #label: Label;
  /** CPU time that has been charged. */
  #chargedNs: number;
  /** Since when the label is charged. */
  #sinceMs: number;
  #depth = 0;
  readonly #ids: number[] = [];
  readonly #suspended: Label[] = [];

  /** `outside`: who is charged while there is no label. */
  constructor(clocks: Clocks, outside: Label) {
    this.#clocks = clocks;
    this.#outside = outside;
    this.#label = outside;
    this.#chargedNs = clocks.cpuNs();
    this.#sinceMs = clocks.wallMs();
  }

  /** Charges what was used up to now, and from now on `label`. Returns who was charged. */
  switchTo(label: Label | undefined): Label {
    const before = this.#label;
    const next = label ?? this.#outside;
    if (next !== before) {
      const nowMs = this.#clocks.wallMs();
      const tookMs = nowMs - this.#sinceMs;
      if (tookMs < (before === this.#outside ? SHORT_OUTSIDE_MS : SHORT_MS)) this.#charge(tookMs * 1e6);
      else this.#settle();
      this.#sinceMs = nowMs;
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
    this.#settle();
    this.#sinceMs = this.#clocks.wallMs();
    const taken = this.#touched;
    this.#touched = [];
    return taken;
  }

  /** Charges all CPU time that nobody has been charged. */
  #settle(): void {
    this.#charge(Math.max(0, this.#clocks.cpuNs() - this.#chargedNs));
  }

  #charge(ns: number): void {
    const label = this.#label;
    label.cpuNs += ns;
    this.#chargedNs += ns;
    if (label.touched) return;
    label.touched = true;
    this.#touched.push(label);
  }
}
