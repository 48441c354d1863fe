// SPDX-License-Identifier: Apache-2.0
// Measures the agent's own work, in a process of its own: prints one JSON object.
//   snapshots.mjs WARM_UP
// WARM_UP: intervals in which not everybody has been named yet. Of the others, medians.
import { createRequire } from 'node:module';
import { once } from 'node:events';
import { get } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const { openMeter } = require('../../dist/meter.js');
const { Ledger } = require('../../dist/ledger/ledger.js');
const { startPublishing } = require('../../dist/otel/publish.js');
const { producersOf } = require('../../dist/otel/producer.js');
const { DEFAULT_LIMITS } = require('../../dist/settings/table.js');
const { inSlices } = require('../../dist/util/cooperative.js');

const WARM_UP = Number(process.argv[2]);
const ROUNDS = 8;
/** How often the event loop is looked at, ms: part of what the histogram counts. */
const RESOLUTION_MS = 1;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const ledger = new Ledger(DEFAULT_LIMITS);
const publisher = await startPublishing({
  producer: producersOf(ledger),
  env: { OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' },
  log: (line) => process.stderr.write(`${line}\n`),
});
const meter = await openMeter({ source: 'perf:msr/tsc/,scope=cpu,joules=1e-9,kind=measured' });
const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
/** The longest that the event loop was held up since the last call, ms. */
async function heldUp() {
  // What holds it up is seen once it is over.
  await sleep(10);
  const ms = Math.max(0, delay.max / 1e6 - RESOLUTION_MS);
  delay.reset();
  return ms;
}

async function scrape() {
  const [response] = await once(get(publisher.endpoints[0]), 'response');
  for await (const _ of response);
}

const processes = [];
const switches = [];
const cpuMs = [];
const heldUpMs = [];
const firstHeldUpMs = [];
const pageHeldUpMs = [];
let before = process.cpuUsage();
let round = -WARM_UP;
delay.enable();
for await (const snapshot of meter) {
  await inSlices(ledger.adding(snapshot));
  // CPU of all threads since the last snapshot: drain, attribute, describe, ledger.
  const used = process.cpuUsage(before);
  // Watching the event loop costs CPU itself: a half of the rounds for each.
  if (++round > 0) {
    processes.push(snapshot.processes.length);
    switches.push(snapshot.self.switches);
  }
  if (round > ROUNDS) cpuMs.push((used.user + used.system) / 1000);
  else (round > 0 ? heldUpMs : firstHeldUpMs).push(await heldUp());
  if (round > 0 && round <= ROUNDS) {
    await scrape();
    pageHeldUpMs.push(await heldUp());
  }
  if (round === ROUNDS) delay.disable();
  if (round === 2 * ROUNDS) break;
  before = process.cpuUsage();
}
await meter.close();
const rssMb = process.memoryUsage.rss() / 2 ** 20;
await publisher.close(1000);
console.log(
  JSON.stringify({
    processes: median(processes),
    switches: median(switches),
    cpuMs: median(cpuMs),
    heldUpMs: median(heldUpMs),
    firstHeldUpMs: Math.max(...firstHeldUpMs),
    pageHeldUpMs: median(pageHeldUpMs),
    rssMb,
  }),
);
