// SPDX-License-Identifier: Apache-2.0

/** How often something happened to the energy counters in an interval. Each time there is a log line, `event=… counter=…`, too. */
export interface CounterEvents {
  /** Counters opened anew, because CPUs came or went, or since they can be read again. */
  readonly rebinds: number;
  /** Times that a counter began to be out of reach; until it is opened anew its energy is nobody's, or unknown. */
  readonly gaps: number;
  /** Times that a counter went back, or ahead by more than can be, and began anew; nobody is charged for that. */
  readonly resets: number;
  /** Times that a register began again at 0 as it does when it is full, which is made up for. Perf events hide theirs. */
  readonly wraps: number;
}

export const NO_COUNTER_EVENTS: CounterEvents = { rebinds: 0, gaps: 0, resets: 0, wraps: 0 };

export function addCounterEvents(one: CounterEvents, other: CounterEvents): CounterEvents {
  return {
    rebinds: one.rebinds + other.rebinds,
    gaps: one.gaps + other.gaps,
    resets: one.resets + other.resets,
    wraps: one.wraps + other.wraps,
  };
}
