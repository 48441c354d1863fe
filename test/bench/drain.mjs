// SPDX-License-Identifier: Apache-2.0
import { measure, ROUNDS, table } from './tools.mjs';

export default function drain() {
  const ms = (us) => (us / 1e3).toFixed(1);
  const tables = measure('drain', 100_000, ROUNDS, 512);
  const rows = [1000, 10_000, 100_000].map((entries) => {
    const r = measure('drain', entries, ROUNDS);
    return [r.entries, `${ms(r.us)} ± ${ms(r.spread_us)}`, (r.us / r.entries).toFixed(2)];
  });
  return `# Cost of a drain

Through the overflow map, where rows go that find no room in the tables: the dearest way out of the kernel.

${table(['entries', 'drain, ms', 'µs an entry'], rows)}

From the tables of 512 CPUs, which are made up: ${tables.entries} rows in ${ms(tables.us)} ± ${ms(tables.spread_us)} ms of CPU.`;
}
