// SPDX-License-Identifier: Apache-2.0
// Measures storms of processes as the agent does and prints what is left of each, as JSON. Run with --expose-gc.
//   storms.mjs SOURCE STORMS PROCESSES
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { openMeter } = require('../../dist/meter.js');
const { Ledger } = require('../../dist/ledger/ledger.js');
const { createMetricProducer } = require('../../dist/otel/producer.js');
const { DEFAULT_LIMITS } = require('../../dist/settings/table.js');

const [source, storms, processes] = process.argv.slice(2);
const meter = await openMeter({ source });
const ledger = new Ledger(DEFAULT_LIMITS);
const reader = ledger.reader();
const producer = createMetricProducer({ reader, mode: 'push' });
let ended = 0;

async function interval() {
  const snapshot = await meter.snapshot();
  ledger.add(snapshot);
  producer.delivered((await producer.collect()).resourceMetrics);
  ended += snapshot.processes.filter(({ exited }) => exited).length;
}

/** Intervals after which nothing is remembered of a process that has ended, with some to spare. */
const QUIET = 15;

const left = [];
for (let storm = 0; storm < Number(storms); storm++) {
  const load = spawn('stress-ng', ['--fork', '2', '--fork-ops', processes, '-q'], { stdio: 'ignore' });
  const over = once(load, 'exit');
  while (load.exitCode === null && load.signalCode === null) {
    await interval();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await over;
  for (let i = 0; i < QUIET; i++) await interval();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const { processes: series } = reader.collect();
  const stormy = series.filter(({ owner }) => owner.pid !== null && owner.executable === 'stress-ng');
  left.push({ ended, heapMb: (heapUsed + arrayBuffers) / 2 ** 20, series: stormy.length });
}
await meter.close();
console.log(JSON.stringify(left));
