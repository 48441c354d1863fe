// SPDX-License-Identifier: Apache-2.0
// What an interval costs after the drain, stage by stage, in a process of its own: prints one JSON object.
//   series-stages.mjs PROCESSES SERIES CPUS
// The processes are made up: each in a row of its own, and never named by /proc. SERIES: places for them; 0: as by default.
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { createIdentifier } = require('../../dist/identity/identify.js');
const { Ledger } = require('../../dist/ledger/ledger.js');
const { Batches } = require('../../dist/otel/batches.js');
const { serializingSums } = require('../../dist/otel/otlp-protobuf.js');
const { producersOf } = require('../../dist/otel/producer.js');
const { threadCpuClock } = require('../../dist/probe/addon.js');
const { DEFAULT_LIMITS } = require('../../dist/settings/table.js');
const { createFilter } = require('../../dist/snapshot/filter.js');
const { createMeasure } = require('../../dist/snapshot/measure.js');
const { inSlices } = require('../../dist/util/cooperative.js');

const [PROCESSES, SERIES, CPUS] = process.argv.slice(2).map(Number);
const ROUNDS = 12;
const CGROUPS = 200;
const zones = Array.from({ length: CPUS }, (_, cpu) => ({ id: `core:${cpu}`, cpus: [cpu], lead: cpu }));
const source = {
  name: 'bench',
  kind: 'measured',
  scope: 'cpu',
  domain: 'cpu',
  reader: 'bpf',
  joulesPerCount: 1e-6,
  zones,
  auxiliary: [],
};

const column = (make, at) => Float64Array.from({ length: at }, (_, i) => make(i));
const whole = (make, at) => Uint32Array.from({ length: at }, (_, i) => make(i));
const ROWS = PROCESSES + CPUS;
const rowOf = (make) => (i) => (i < CPUS ? 0 : make(i - CPUS));
/** What all intervals have in common. */
const base = {
  rows: {
    cpu: whole((i) => i % CPUS, ROWS),
    pid: whole(
      rowOf((i) => 5e6 + i),
      ROWS,
    ),
    process: whole(
      rowOf((i) => i),
      ROWS,
    ),
    cgroup: whole(
      rowOf((i) => i % CGROUPS),
      ROWS,
    ),
    label: whole(() => 0, ROWS),
    timeNs: column((i) => 1e5 + i, ROWS),
    counts: column(() => 0, ROWS),
    uncertainCounts: column(() => 10, ROWS),
    predictedJoules: column(() => NaN, ROWS),
    predictedErrorJoules: column(() => NaN, ROWS),
  },
  processes: {
    number: whole((i) => i, PROCESSES),
    pid: whole((i) => 5e6 + i, PROCESSES),
    startNs: column((i) => 1e12 + i * 1e7, PROCESSES),
    cgroup: whole((i) => i % CGROUPS, PROCESSES),
    comm: Buffer.alloc(16 * PROCESSES),
  },
  cgroups: {
    id: column((i) => 1e7 + i, CGROUPS),
    pid: whole((i) => 5e6 + i, CGROUPS),
    startNs: column((i) => 1e12 + i * 1e7, CGROUPS),
  },
};
for (let i = 0; i < PROCESSES; i++) base.processes.comm.write(`bench${i % 300}`, 16 * i);

/** As a drain does, which makes new ones each time. */
const copied = (group) =>
  Object.fromEntries(
    Object.entries(group).map(([name, one]) => [name, Buffer.isBuffer(one) ? Buffer.from(one) : one.slice()]),
  );

function columns(round) {
  const rows = copied(base.rows);
  const counts = new Float64Array(CPUS);
  for (let i = 0; i < ROWS; i++) {
    rows.counts[i] = 1e5 + ((i * 7919 + round * 13) % 10_007);
    counts[rows.cpu[i]] += rows.counts[i];
  }
  const none = new Uint32Array(0);
  const zero = () => new Float64Array(CPUS);
  const cpus = {
    cpu: whole((i) => i, CPUS),
    switches: new Uint32Array(CPUS),
    lostRows: new Uint32Array(CPUS),
  };
  const made = round === 0 ? CGROUPS : 0;
  return {
    rows,
    processes: copied(base.processes),
    cgroups: copied(base.cgroups),
    cpus: { ...cpus, counts, gapCounts: zero(), lostCounts: zero(), residualCounts: zero() },
    lifecycle: { kind: none, pid: none, startNs: none, comm: Buffer.alloc(0), program: [] },
    mkdirs: {
      cgroup: column((i) => 1e7 + i, made),
      path: Array.from({ length: made }, (_, i) => `/bench.slice/${i}`),
    },
    lostEvents: 0,
  };
}

const hierarchy = {
  version: 2,
  controller: null,
  id: 0,
  mount: '/sys/fs/cgroup',
  mountRoot: '/',
  atRoot: true,
};
const measure = createMeasure({
  identifier: createIdentifier({ proc: '/proc', hierarchy, bootTimeMs: 0 }),
  filter: createFilter({}),
  namer: undefined,
  ownPid: 1,
});
const ledger = new Ledger({ ...DEFAULT_LIMITS, ...(SERIES > 0 && { processes: SERIES }) });
const producer = producersOf(ledger)('push');
const stages = { measure: [], ledger: [], collect: [], protobuf: [], delivered: [] };
const held = [];

/**
 * The longest turn of the event loop since it was asked last, ms: by the wall clock, and by the CPU time of its thread, which
 * knows nothing of others that use the CPUs, nor of threads that collect garbage.
 */
const cpuNs = threadCpuClock();
const longest = { wall: 0, cpu: 0 };
let last = { wall: performance.now(), cpu: cpuNs() };
function turn() {
  const now = { wall: performance.now(), cpu: cpuNs() };
  longest.wall = Math.max(longest.wall, now.wall - last.wall);
  longest.cpu = Math.max(longest.cpu, (now.cpu - last.cpu) / 1e6);
  last = now;
  setImmediate(turn).unref();
}

async function timed(stage, work) {
  // A stage begins in a turn of its own, as what pushes or is scraped does.
  await new Promise(setImmediate);
  const before = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(before);
  stages[stage].push((user + system) / 1000);
  return result;
}

async function serialize({ scopeMetrics }) {
  const batches = new Batches({ resource: resourceFromAttributes({}), scopeMetrics });
  let bytes = 0;
  for (const range of batches.ranges(1000).toReversed()) {
    bytes += (await inSlices(serializingSums(batches.part(range)))).length;
  }
  return bytes;
}

/** Request by request, as a receiver takes them. */
async function deliver(metrics) {
  const batches = new Batches(metrics);
  for (const range of batches.ranges(1000).toReversed()) {
    producer.delivered(batches.part(range));
    await new Promise(setImmediate);
  }
}

let bytes = 0;
turn();
for (let round = 0; round < ROUNDS; round++) {
  const recorded = { columns: columns(round), seconds: 1, source, readings: new Map(), cores: zones };
  const events = { skipped: 0, rebinds: 0, gaps: 0, resets: 0, wraps: 0 };
  await sleep(20);
  Object.assign(longest, { wall: 0, cpu: 0 });
  const { snapshot } = await timed('measure', () => measure({ ...recorded, ...events }));
  await timed('ledger', () => inSlices(ledger.adding(snapshot)));
  const { resourceMetrics } = await timed('collect', () => producer.collect());
  bytes = await timed('protobuf', () => serialize(resourceMetrics));
  await timed('delivered', () => deliver(resourceMetrics));
  await new Promise(setImmediate);
  held.push({ ...longest });
}
const later = (values) => values.slice(ROUNDS / 2);
const heldUp = (clock) => held.map((round) => round[clock]);
console.log(
  JSON.stringify({
    bytes,
    stages: Object.fromEntries(Object.entries(stages).map(([name, ms]) => [name, later(ms)])),
    heldUp: later(heldUp('cpu')),
    firstHeldUp: Math.max(...heldUp('cpu').slice(0, ROUNDS / 2)),
    heldUpWall: later(heldUp('wall')),
    firstHeldUpWall: Math.max(...heldUp('wall').slice(0, ROUNDS / 2)),
  }),
);
