// SPDX-License-Identifier: Apache-2.0
// Measures the agent's own work, in a process of its own: prints one JSON object of medians.
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const require = createRequire(import.meta.url);
const { openMeter } = require('../../dist/meter.js');
const { Ledger } = require('../../dist/ledger.js');
const { toScopeMetrics } = require('../../dist/otel/producer.js');

/** The first snapshots name everybody for the first time; argument: how many to leave out. */
const WARM_UP = Number(process.argv[2]);
const ROUNDS = 8;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const meter = await openMeter({ source: 'perf:msr/tsc/,scope=cpu,joules=1e-9' });
const ledger = new Ledger();
const read = ledger.reader();
const processes = [];
const cpuMs = [];
const blockedMs = [];
let round = -WARM_UP;
let before = process.cpuUsage();
let delay;
for await (const snapshot of meter) {
  ledger.add(snapshot);
  toScopeMetrics(read());
  // CPU of all threads since the last snapshot: drain, attribute, describe, ledger, producer.
  const used = process.cpuUsage(before);
  delay?.disable();
  round++;
  if (round > 0) processes.push(snapshot.processes.length);
  // Watching the event loop costs CPU itself: half of the rounds each.
  if (round > 0 && delay) blockedMs.push(delay.max / 1e6);
  else if (round > 0) cpuMs.push((used.user + used.system) / 1000);
  if (round === 2 * ROUNDS) break;
  delay = round >= ROUNDS ? monitorEventLoopDelay({ resolution: 1 }) : undefined;
  delay?.enable();
  before = process.cpuUsage();
}
await meter.close();
const rssMb = process.memoryUsage.rss() / 2 ** 20;
console.log(
  JSON.stringify({ processes: median(processes), cpuMs: median(cpuMs), blockedMs: median(blockedMs), rssMb }),
);
