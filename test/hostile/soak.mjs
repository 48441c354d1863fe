// SPDX-License-Identifier: Apache-2.0
// The agent for some time on a machine that switches as fast as it can, with processes and cgroups that come and go:
// every line closes, nothing is lost, memory and descriptors stay as they are. The agent is in a cgroup of its own, as a
// unit of systemd is, and the storm in another, as what users run is. soak.mjs [MINUTES]
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeCgroups } from '../e2e/cgroups.mjs';
import { cpuGroup } from './cpu-groups.mjs';
import { slopeOf } from './slope.mjs';

const minutes = Number(process.argv[2] ?? 60);
const TSC = 'perf:msr/tsc/,scope=cpu,joules=1e-9';
const JOULES = fileURLToPath(new URL('../../bin/joules', import.meta.url));
/** Memory of the first minutes grows: caches are filled, and the page keeps the last 15 minutes. */
const settlingMs = Math.min(16, minutes / 2) * 60_000;
const SCRAPE_MS = 15_000;
const SAMPLE_MS = 5_000;
const CLOSES = 1e-6;
/** With a page that remembers thousands of programs and cgroups in every minute. */
const MOST_MB = 200;

const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')),
);
/** What every unit has that says nothing. */
const service = cpuGroup('agent', 100);
/** Half of that: others may work on this machine as well. */
const users = cpuGroup('storm', 50);
const agent = service.start(
  process.execPath,
  flagsOf(JOULES).concat(JOULES, 'agent', '--json', '--source', TSC),
  {
    env: { ...environment, OTEL_EXPORTER_PROMETHEUS_PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
  },
);
let said = '';
agent.stderr.on('data', (piece) => (said += piece));

/** What V8 is told by the command's second line. */
function flagsOf(path) {
  return /flags='(.*)'/.exec(readFileSync(path, 'utf8'))[1].split(' ');
}

const sums = { lines: 0, open: 0, switches: 0, lost: 0, processes: 0, worst: 0, longest: 0 };
createInterface({ input: agent.stdout }).on('line', (line) => {
  const { totals, self, processes, interval_s } = JSON.parse(line);
  const { process_j, idle_j, unattributed_j, counter_j } = totals;
  const off = Math.abs(process_j + idle_j + unattributed_j - counter_j) / counter_j;
  sums.lines++;
  if (!(off <= CLOSES)) sums.open++;
  sums.worst = Math.max(sums.worst, off);
  sums.switches += self.switches;
  sums.lost += self.lost;
  sums.processes += processes.filter(({ exited }) => exited).length;
  sums.longest = Math.max(sums.longest, interval_s);
});

users.start('stress-ng', ['--switch', '1', '--fork', '1', '-q', '-t', '0'], { stdio: 'ignore' });
const cgroups = makeCgroups();
let made = 0;
const over = new AbortController();

async function churn() {
  while (!over.signal.aborted) {
    const path = `churn/${made++}`;
    cgroups.make(path);
    const child = cgroups.start(path, 'true', []);
    await child.over;
    await cgroups.remove(path);
  }
}

const scrapes = { answered: 0, failed: 0, slowestMs: 0 };
async function scrape(url) {
  const since = performance.now();
  try {
    const page = await (await fetch(url, { signal: AbortSignal.timeout(2000) })).text();
    if (!page.includes('hw_energy_joules_total{')) throw new Error('no page');
    scrapes.answered++;
  } catch {
    scrapes.failed++;
  }
  scrapes.slowestMs = Math.max(scrapes.slowestMs, performance.now() - since);
}

/** CPU time of everything, s, without what is idle: user, nice, system, irq, softirq and steal. */
function busySeconds() {
  const times = readFileSync('/proc/stat', 'latin1').split('\n', 1)[0].split(/ +/).slice(1, 9).map(Number);
  const [user, nice, system, , , irq, softirq, steal] = times;
  return (user + nice + system + irq + softirq + steal) / 100;
}

const samples = [];
function sample(startMs) {
  const status = readFileSync(`/proc/${agent.pid}/status`, 'latin1');
  const residentMb = Number(/^VmRSS:\s*(\d+)/m.exec(status)[1]) / 1024;
  samples.push({
    ms: performance.now() - startMs,
    residentMb,
    descriptors: readdirSync(`/proc/${agent.pid}/fd`).length,
    load: loadavg()[0],
  });
}

async function run() {
  while (!/publishing at (\S+)/.test(said)) {
    if (agent.exitCode !== null || agent.signalCode !== null) throw new Error(`the agent ended: ${said}`);
    await sleep(50);
  }
  const url = /publishing at (\S+)/.exec(said)[1];
  const startMs = performance.now();
  const before = usage();
  const churning = churn();
  let scrapeMs = 0;
  while (performance.now() - startMs < minutes * 60_000) {
    await sleep(SAMPLE_MS);
    sample(startMs);
    if (performance.now() - scrapeMs < SCRAPE_MS) continue;
    scrapeMs = performance.now();
    await scrape(url);
  }
  const after = usage();
  over.abort();
  await churning;
  tellMachine((performance.now() - startMs) / 1000, before, after);
}

const usage = () => ({ busy: busySeconds(), agent: service.usedSeconds(), storm: users.usedSeconds() });

/** What the CPUs did meanwhile: a soak on a machine that others use as well is judged by that. */
function tellMachine(seconds, before, after) {
  const part = (key) => (after[key] - before[key]) / seconds;
  const [busy, own, storm] = [part('busy'), part('agent'), part('storm')].map((one) => one.toFixed(3));
  const loads = samples.map(({ load }) => load);
  console.log(
    `soak: of ${cpus().length} CPUs ${busy} were in use: ${own} by the agent, ${storm} by the storm, ` +
      `${(busy - own - storm).toFixed(3)} by others; load ${Math.min(...loads)} to ${Math.max(...loads)}`,
  );
}

function report() {
  const settled = samples.filter(({ ms }) => ms >= settlingMs);
  const { slope, margin } = slopeOf(
    settled.map(({ ms }) => ms / 3_600_000),
    settled.map(({ residentMb }) => residentMb),
  );
  const counts = settled.map(({ descriptors }) => descriptors);
  const most = Math.max(...samples.map(({ residentMb }) => residentMb));
  const checks = [
    [
      `every line closes: ${sums.lines} lines, the worst to ${sums.worst.toExponential(1)}`,
      sums.lines > 0 && sums.open === 0,
    ],
    [
      `nothing is lost: ${sums.switches} switches, ${sums.processes} processes seen to end, ${made} cgroups, lost ${sums.lost}`,
      sums.lost === 0,
    ],
    [
      `resident memory grows by ${slope.toFixed(2)} ± ${margin.toFixed(2)} MB an hour after the first ${settlingMs / 60_000} min, at most ${most.toFixed(0)} MB`,
      slope - margin <= 0 && most < MOST_MB,
    ],
    // A scrape may be under way.
    [
      `descriptors: ${Math.min(...counts)} to ${Math.max(...counts)}`,
      Math.max(...counts) - Math.min(...counts) <= 2,
    ],
    [
      `scrapes: ${scrapes.answered} answered, ${scrapes.failed} not, the slowest after ${scrapes.slowestMs.toFixed(0)} ms; intervals up to ${sums.longest.toFixed(2)} s`,
      scrapes.failed === 0,
    ],
  ];
  for (const [text, ok] of checks) console.log(`${ok ? 'ok  ' : 'FAIL'} soak: ${text}`);
  const failed = checks.filter(([, ok]) => !ok).length;
  console.log(`${checks.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

try {
  await run();
  process.exitCode = report();
} finally {
  await users.close();
  if (agent.exitCode === null && agent.signalCode === null) {
    const gone = once(agent, 'exit');
    agent.kill('SIGTERM');
    await gone;
  }
  await service.close();
  cgroups.close();
}
