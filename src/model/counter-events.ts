// SPDX-License-Identifier: Apache-2.0

/** What befell the energy counters. Each has a log line, `event=… counter=…`, too. */
export interface Incidents {
  /** Counters opened anew, because CPUs came or went, or since they can be read again. */
  readonly rebinds: number;
  /** Times that a counter began to be out of reach; until it is opened anew its energy is nobody's, or unknown. */
  readonly gaps: number;
  /** Times that a counter went back, or ahead by more than can be, and began anew; nobody is charged for that. */
  readonly resets: number;
  /** Times that a register began again at 0 as it does when it is full, which is made up for. Perf events hide theirs. */
  readonly wraps: number;
}

export const NO_INCIDENTS: Incidents = { rebinds: 0, gaps: 0, resets: 0, wraps: 0 };

export function addIncidents(one: Incidents, other: Incidents): Incidents {
  return {
    rebinds: one.rebinds + other.rebinds,
    gaps: one.gaps + other.gaps,
    resets: one.resets + other.resets,
    wraps: one.wraps + other.wraps,
  };
}
