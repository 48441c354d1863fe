// SPDX-License-Identifier: Apache-2.0
import { measure, ROUNDS, table } from './tools.mjs';

export default function pipe() {
  const r = measure('pipe', ROUNDS);
  const percent = (ratio, spread) => `${(100 * (ratio - 1)).toFixed(1)} ± ${(100 * spread).toFixed(1)}`;
  return `# Two processes on one CPU that pass a byte to and fro

All that a program adds to two switches, its trampoline included: CPU time per round trip, compared with rounds just
before and after without any program.

${table(
  ['without, µs', 'empty, % more', 'ours, % more', 'naive, % more'],
  [
    [
      (r.nothing_ns / 1e3).toFixed(2),
      ...['empty', 'ours', 'naive'].map((name) => percent(r[name], r[`${name}_spread`])),
    ],
  ],
)}`;
}
