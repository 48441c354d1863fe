// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { HERE, NODE_FLAGS, table, withSpread } from './tools.mjs';

const { median } = createRequire(import.meta.url)('../../dist/verify/statistics.js');

/** [processes, places for them (0: as by default), CPUs] */
const MACHINES = [
  [1000, 0, 2],
  [10_000, 0, 2],
  [10_000, 10_000, 2],
  [100_000, 0, 512],
];

export default function series() {
  const rows = MACHINES.map((machine) => {
    const args = [...NODE_FLAGS, join(HERE, 'series-stages.mjs'), ...machine.map(String)];
    const { stages, heldUp, heldUpWall, bytes, ...first } = JSON.parse(execFileSync(process.execPath, args));
    const each = Object.values(stages);
    const sums = each[0].map((_, i) => each.reduce((sum, stage) => sum + stage[i], 0));
    const cells = [...each, sums, heldUp].map((values) => withSpread(values, 1));
    const rest = [first.firstHeldUp, median(heldUpWall), first.firstHeldUpWall].map((ms) => ms.toFixed(1));
    return [machine[0], machine[1] || 'default', machine[2], ...cells, ...rest, bytes];
  });
  const stages = ['measure', 'ledger', 'collect', 'protobuf', 'delivered', 'sum'];
  const heldUp = ['held up', 'first held up', 'by the clock', 'first by the clock'];
  return `# Cost of series, by stage

ms of CPU an interval after the drain, of processes that are made up, and for how many ms at most the event loop was held up in the last six intervals, and in the first six:
CPU time of its thread, and time by the clock, in which others had the CPU as well.

${table(['processes', 'series', 'CPUs', ...stages, ...heldUp, 'bytes'], rows)}`;
}
