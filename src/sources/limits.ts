// SPDX-License-Identifier: Apache-2.0

/**
 * The most that a counter can have counted, W. Beyond it is no energy but a counter that was reset, that the
 * kernel unwrapped wrongly, or that lied. Several times what parts of 2026 draw (packages of 600 W, cores of
 * 40 W, 16 memory modules of 20 W), and well below what a 32-bit counter shows when it jumps: 2^32 counts of
 * 2^-16 J (65,536 J) within a second.
 */
export const MAX_WATTS = {
  core: 250,
  package: 2000,
  memory: 1500,
  gpu: 500,
  card: 3000,
  host: 30_000,
} as const;

/**
 * What of idle's time pays where cores alone are counted, as in BPF (ENERGY_IDLE_SHIFT in bpf/energy.h): an idle core
 * draws a few percent.
 */
export const IDLE_CORE_WEIGHT: number = 1 / 32;

/**
 * Joules that a count of an event may be: 10,000 J is more than a meter in watt-hours counts by (3,600 J), and with the
 * smallest a clock of 5 GHz would be 5 nW. For counters that BPF reads the range is narrower: native/count_unit.h.
 */
export const JOULES_PER_COUNT = { min: 1e-18, max: 10_000 } as const;

export function isJoulesPerCount(joules: number): boolean {
  return joules >= JOULES_PER_COUNT.min && joules <= JOULES_PER_COUNT.max;
}
