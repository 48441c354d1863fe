// SPDX-License-Identifier: Apache-2.0

/**
 * The most that a counter can have counted, W. Beyond it is no energy but a counter that was reset, that the
 * kernel unwrapped wrongly, or that lied. Several times what parts of 2026 draw (packages of 600 W, cores of
 * 40 W, 16 memory modules of 20 W), and well below what a 32-bit counter shows when it jumps: 2^32 counts of
 * 2^-16 J (65,536 J) within a second.
 */
export const MAX_WATTS = { core: 250, package: 2000, memory: 1500, gpu: 500, host: 30_000 } as const;
