// SPDX-License-Identifier: Apache-2.0
// What the agent costs as it runs: while nobody reads it, scraped, and pushing, beside Debian's node_exporter that is
// scraped alike. All of them run at once, so that each has the same seconds.
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, freePorts, start, stopAll } from '../e2e/processes.mjs';
import { find } from '../vm/tools.mjs';
import { aptFor } from '../vm/kernels.mjs';
import { besideCrowd, ROOT, ROUNDS, table, withSpread } from './tools.mjs';

/** [processes, cgroups, ms between two wake-ups of each] */
const CROWDS = [
  [100, 10, 1000],
  [100, 10, 20],
];
/** What V8 has not compiled yet and who is new are not part of it. */
const WARM_UP_SECONDS = 30;
const ROUND_SECONDS = 5;
const SOURCE = 'perf:msr/tsc/,scope=cpu,joules=1e-9,kind=measured';
const EXPORTER = 'prometheus-node-exporter';
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/bench');

const HEAD = ['wake-ups', 'what', 'CPU, %', '/ node_exporter', '/ agent that nobody reads', 'RSS, MB'];

export default async function readers() {
  const exporter = findExporter();
  const rows = [];
  for (const crowd of CROWDS) rows.push(...(await besideCrowd(crowd, () => rowsOf(crowd, exporter))));
  return `# Cost of the agent and of who reads it

CPU of a process, % of one CPU, beside 100 others in 10 cgroups; scraped and pushing: once a second.${exporter ? '' : ' There is no node_exporter here.'}

${table(HEAD, rows)}`;
}

/** Installed, or unpacked into the cache; undefined where neither can be. */
function findExporter() {
  const unpacked = join(CACHE, 'usr/bin', EXPORTER);
  const installed = [EXPORTER, 'node_exporter'].find(find);
  if (installed !== undefined || existsSync(unpacked)) return installed ?? unpacked;
  try {
    aptFor('bookworm', CACHE).unpack([EXPORTER], CACHE);
    return unpacked;
  } catch {
    return undefined;
  }
}

async function rowsOf([, , periodMs], exporter) {
  let pushes = 0;
  const receiver = createServer((request, response) => {
    pushes++;
    request.resume().on('end', () => response.end());
  });
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  try {
    const subjects = await startAll(`http://127.0.0.1:${receiver.address().port}`, exporter);
    const figures = await measureAll(subjects);
    if (pushes < ROUNDS) throw new Error(`the agent pushed ${pushes} times`);
    return figures.map(({ what, cpu, toExporter, toIdle, rssMb }) => [
      `${periodMs} ms`,
      what,
      withSpread(cpu, 2),
      exporter ? withSpread(toExporter, 2) : '',
      withSpread(toIdle, 2),
      rssMb.toFixed(0),
    ]);
  } finally {
    await stopAll();
    receiver.close();
    receiver.closeAllConnections();
  }
}

/** [{ what, child, url }], with a URL where it is scraped. */
async function startAll(endpoint, exporter) {
  const [idlePort, scrapedPort, exporterPort] = await freePorts(3);
  const agent = (env) =>
    start(join(ROOT, 'bin/joules'), ['agent', '--source', SOURCE], {
      env: { OTEL_METRICS_EXPORTER: 'prometheus', ...env },
    });
  const page = (port) => `http://127.0.0.1:${port}/metrics`;
  const idle = agent({ OTEL_EXPORTER_PROMETHEUS_PORT: `${idlePort}` });
  const scraped = agent({ OTEL_EXPORTER_PROMETHEUS_PORT: `${scrapedPort}` });
  const pushing = agent({
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
  });
  const subjects = [
    { what: 'agent', child: idle },
    { what: 'agent, scraped', child: scraped, url: page(scrapedPort) },
    { what: 'agent, pushing', child: pushing },
  ];
  if (exporter) {
    const child = start(exporter, [`--web.listen-address=127.0.0.1:${exporterPort}`]);
    subjects.push({ what: 'node_exporter, scraped', child, url: page(exporterPort) });
  }
  await answers(page(idlePort), idle);
  for (const { child, url } of subjects) if (url) await answers(url, child);
  return subjects;
}

/** Of each: % of a CPU in each round, its ratios to the last and to the first one's, and its memory. */
async function measureAll(subjects) {
  const scraping = setInterval(() => subjects.forEach(({ url }) => url && void scrape(url)), 1000);
  const cpu = subjects.map(() => []);
  await sleep(WARM_UP_SECONDS * 1000);
  for (let round = 0; round < ROUNDS; round++) {
    const before = subjects.map(cpuNs);
    const since = performance.now();
    await sleep(ROUND_SECONDS * 1000);
    const ms = performance.now() - since;
    subjects.forEach((subject, i) => cpu[i].push((cpuNs(subject) - before[i]) / ms / 1e4));
  }
  clearInterval(scraping);
  const to = (i, other) => cpu[i].map((percent, round) => percent / cpu.at(other)[round]);
  return subjects.map(({ what, child }, i) => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const rssMb = Number(/^VmRSS:\s*(\d+)/m.exec(status)[1]) / 1024;
    return { what, cpu: cpu[i], toExporter: to(i, -1), toIdle: to(i, 0), rssMb };
  });
}

/** As Prometheus does. */
async function scrape(url) {
  const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
  const response = await fetch(url, { headers: { accept, 'accept-encoding': 'gzip' } });
  await response.arrayBuffer();
}

/** Run time of all threads of a process, ns: what has been accounted in ticks is too coarse. */
function cpuNs({ child }) {
  const tasks = `/proc/${child.pid}/task`;
  const ran = (task) => Number(readFileSync(join(tasks, task, 'schedstat'), 'utf8').split(' ', 1)[0]);
  return readdirSync(tasks).reduce((sum, task) => sum + ran(task), 0);
}
