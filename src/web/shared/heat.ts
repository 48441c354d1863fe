// SPDX-License-Identifier: Apache-2.0
import { beginOf } from './history.ts';
import type { Span } from './shown.ts';
import type { Frame } from './wire.ts';

/** Watts of processes on each core, all but its idle part, in columns of equal length. */
export interface Heat {
  /** Begin of the first column, ms since 1970, and length of each. */
  readonly begin: number;
  readonly stepMs: number;
  readonly columns: number;
  /** W by core and column, row by row; NaN where nothing is known. */
  readonly watts: Float64Array;
  readonly highest: number;
}

/** Columns lie on one grid of time, `most` of them at most; a frame is in each that it was in, by its time in it. */
export function heatOf(frames: readonly Frame[], cores: readonly number[], window: Span, most: number): Heat {
  const stepMs = 1000 * Math.max(1, Math.ceil((window.to - window.from) / 1000 / most));
  const first = Math.floor(window.from / stepMs);
  const columns = Math.floor((window.to - 1) / stepMs) - first + 1;
  const lines = new Map(cores.map((core, line) => [core, line]));
  const energy = new Float64Array(columns * cores.length);
  const covered = new Float64Array(columns);
  for (const frame of frames) {
    const begin = beginOf(frame);
    const last = Math.min(Math.floor(frame.time / stepMs) - first, columns - 1);
    for (let column = Math.max(0, Math.floor(begin / stepMs) - first); column <= last; column++) {
      const from = (first + column) * stepMs;
      const ms = Math.min(frame.time, from + stepMs) - Math.max(begin, from);
      if (ms <= 0) continue;
      covered[column]! += ms;
      for (let i = 0; i < frame.cores.length; i += 3) {
        const active = (frame.cores[i + 1]! - frame.cores[i + 2]!) * (ms / frame.ms);
        energy[lines.get(frame.cores[i]!)! * columns + column]! += active;
      }
    }
  }
  const watts = energy.map((one, i) => one / covered[i % columns]! / 1000);
  const highest = watts.reduce((most_, one) => (one > most_ ? one : most_), 0);
  return { begin: first * stepMs, stepMs, columns, watts, highest };
}
