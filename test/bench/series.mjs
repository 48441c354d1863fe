// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { HERE, NODE_FLAGS, table, withSpread } from './tools.mjs';

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
    const { stages, heldUp, firstHeldUp, bytes } = JSON.parse(execFileSync(process.execPath, args));
    const { measure, ledger, collect, protobuf } = stages;
    const sums = measure.map((ms, i) => ms + ledger[i] + collect[i] + protobuf[i]);
    const cells = [measure, ledger, collect, protobuf, sums, heldUp].map((values) => withSpread(values, 1));
    return [machine[0], machine[1] || 'default', machine[2], ...cells, firstHeldUp.toFixed(0), bytes];
  });
  const head = ['processes', 'series', 'CPUs', 'measure', 'ledger', 'collect', 'protobuf', 'sum', 'held up'];
  return `# Cost of series, by stage

ms of CPU an interval after the drain, of processes that are made up, and for how many ms at most the event loop was held up.

${table([...head, 'first held up', 'bytes'], rows)}`;
}
