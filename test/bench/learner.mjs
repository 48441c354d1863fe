// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure, ROOT, table } from './tools.mjs';

const SECONDS = 20;
const LAST = availableParallelism() - 1;

/** [what, loads as package_counter takes them: NAME:WATTS:CPU:ON_US:OFF_US] */
const CASES = [
  ['2 tasks, idle half of the time', [`a:5:0:2000:2000`, `b:5:${LAST}:3000:3000`]],
  ['8 tasks, CPUs always busy', Array.from({ length: 8 }, (_, i) => `t${i}:5:${i % 2 ? LAST : 0}:1000:1000`)],
  ['2 tasks that never block', [`a:5:0`, `b:2:${LAST}`]],
];

/** What is learned from, and how. */
const COUNTERS = [
  ['package', (path) => measure('learner', path, SECONDS)],
  ['cores', () => measure('learner', 'cores', SECONDS)],
];

export default async function learner() {
  const rows = [];
  for (const [what, loads] of CASES)
    for (const [counter, run] of COUNTERS) rows.push(toRow(what, counter, await besideCounter(loads, run)));
  return `# What it costs to learn from a package's counter, or from those of cores

CPU time of the thread that does it, in parts of one CPU, by how much of each second it learns; the counter moves every
millisecond, for those of cores the TSC of each CPU stands in. How exactly updates are seen (mean distance of two reads, µs), and the
windows that could be used.

${table(['load', 'counter', 'all of it', '300 ms', '100 ms', 'edge', 'windows used'], rows)}`;
}

function toRow(what, counter, r) {
  const cpu = [r.us_1000, r.us_300, r.us_100].map((us) => (us === null ? '' : `${(us / 1e4).toFixed(2)} %`));
  const all = r.used + r.missed + r.lost + r.energy;
  return [what, counter, ...cpu, r.edge_us ?? '', `${((100 * r.used) / all).toFixed(0)} % of ${all}`];
}

async function besideCounter(loads, run) {
  const directory = mkdtempSync(join(tmpdir(), 'joules-bench-'));
  const path = join(directory, 'energy_uj');
  const counter = spawn(join(ROOT, 'build/bench/package_counter'), [path, '1000', '10', ...loads], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const over = once(counter, 'exit');
  await once(counter.stdout, 'data');
  try {
    return run(path);
  } finally {
    counter.stdin.end();
    await over;
    rmSync(directory, { recursive: true });
  }
}
