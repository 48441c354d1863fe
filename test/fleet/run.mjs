#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:fleet [-- --nodes N --series N --seconds N --rounds N]: what many agents push, through a real Collector
// into a real VictoriaMetrics: whether any sample is lost, what it costs, and how long the dashboards' queries take.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startVictoria } from '../e2e/backends.mjs';
import { makeCgroups } from '../e2e/cgroups.mjs';
import { collectorProgram, startCollector } from '../e2e/collector.mjs';
import { backendPrograms } from '../e2e/packages.mjs';
import { freePorts, stopAll } from '../e2e/processes.mjs';
import { hasFailed, summary, tell, test } from '../e2e/report.mjs';
import { makePrograms } from '../e2e/workload.mjs';
import { makeTemplates } from './node.mjs';
import { cpuSeconds, peakMb, settle, sizeOf } from './program.mjs';
import { judgeQueries } from './queries.mjs';
import { pointsOf, record } from './record.mjs';
import { replay } from './replay.mjs';

/** s until what the Collector holds back is stored. */
const ARRIVAL = 10;
/** s after which a Collector tries again at the latest, and after which it gives up. */
const AGAIN = 30;
const GIVEN_UP = 300;
/** PromQL's `instance` is what a scrape is of; what is pushed has its host's name. */
const RELABEL = [{ source_labels: ['host_name'], target_label: 'instance' }];

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/e2e');
const own = join(cache, `fleet-${process.pid}`);

await main();

async function main() {
  const wanted = parse(process.argv.slice(2));
  if (wanted === undefined) return;
  const cgroups = makeCgroups();
  const closeAll = async () => {
    await stopAll();
    cgroups.close();
    rmSync(own, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void closeAll().then(() => process.exit(1)));
  try {
    mkdirSync(own, { recursive: true });
    await run(wanted, cgroups);
  } catch (error) {
    test('runs to its end', error.stack);
  } finally {
    await closeAll();
  }
  summary();
  process.exit(hasFailed() ? 1 : 0);
}

function parse(args) {
  const of = (value) => ({ type: 'string', default: `${value}` });
  const options = { nodes: of(500), series: of(1000), seconds: of(15), rounds: of(12) };
  try {
    const { values } = parseArgs({ args, options });
    const numbers = Object.fromEntries(Object.entries(values).map(([name, text]) => [name, Number(text)]));
    const wrong = Object.keys(numbers).find(
      (name) => !(Number.isInteger(numbers[name]) && numbers[name] >= 1),
    );
    if (wrong) throw new Error(`--${wrong} takes a whole number of 1 or more, not ${values[wrong]}`);
    if (numbers.nodes > 10_000) throw new Error('--nodes takes 10,000 at most');
    return numbers;
  } catch (error) {
    console.error(`test:fleet: ${error.message}`);
    process.exitCode = 2;
    return undefined;
  }
}

async function run({ nodes, series, seconds, rounds }, cgroups) {
  const programs = { ...backendPrograms(cache), collector: collectorProgram(cache) };
  const program = makePrograms(join(own, 'bin'));
  const pushes = await record({ series, count: rounds, program, cgroups, own });
  const points = pushes.map(pointsOf);
  tell(`recorded ${rounds} pushes of ${Math.min(...points)} to ${Math.max(...points)} series`);
  const victoria = await startStore(programs.victoria);
  const directory = join(own, 'collector');
  const collector = await startCollector({ program: programs.collector, directory, target: victoria.url });
  const before = { collector: cpuSeconds(collector.child), victoria: cpuSeconds(victoria.child) };
  const from = Date.now();
  const templates = makeTemplates(pushes);
  const sent = await replay({ templates, nodes, seconds, endpoint: collector.endpoint });
  const to = Date.now();
  const lasted = (to - from) / 1000;
  await sleep(ARRIVAL * 1000);
  await settle(collector.child, victoria.child);
  const spent = {
    collector: cpuSeconds(collector.child) - before.collector,
    victoria: cpuSeconds(victoria.child) - before.victoria,
  };
  judgeSent({ sent, collector });
  const all = nodes * points.reduce((total, count) => total + count, 0);
  const stored = await awaitStored(victoria, from, all);
  test(
    `${all} samples of ${stored.series} series are stored`,
    stored.samples < all && `${stored.samples} are`,
  );
  // An answer that comes too late has the Collector send again what is stored.
  if (stored.samples > all) tell(`${stored.samples - all} of them twice`);
  tellCost({
    sent,
    samples: all,
    lasted,
    spent,
    programs: { collector: collector.child, victoria: victoria.child },
  });
  tell(
    `VictoriaMetrics has ${(sizeOf(join(own, 'victoria/data')) / all).toFixed(1)} bytes a sample, new series and all`,
  );
  await settle(victoria.child);
  await judgeQueries(victoria, to);
}

async function startStore(program) {
  const directory = join(own, 'victoria');
  mkdirSync(directory, { recursive: true });
  const relabel = join(directory, 'relabel.yml');
  writeFileSync(relabel, JSON.stringify(RELABEL));
  const [port] = await freePorts(1);
  const flags = [
    '-opentelemetry.usePrometheusNaming',
    `-relabelConfig=${relabel}`,
    '-search.disableCache',
    // Others may use this machine.
    '-search.maxQueryDuration=10m',
  ];
  return startVictoria({ program, directory, port, seconds: 15, targets: {}, flags });
}

function judgeSent({ sent, collector }) {
  test(
    `the Collector takes all of ${sent.requests} requests`,
    sent.refused.length > 0 && `${sent.refused.length} not: ${sent.refused.slice(0, 5).join('; ')}`,
  );
  const complaints = collector.refused();
  test('the Collector complains of nothing', complaints.length > 0 && complaints.slice(0, 5).join('\n'));
  tell(`the latest request was sent ${sent.latest.toFixed(2)} s after its time`);
}

/** As countStored, once all are there, or the Collector would no longer try again: between that it waits at rest. */
async function awaitStored(victoria, from, all) {
  for (let left = GIVEN_UP / AGAIN; ; left--) {
    const stored = await countStored(victoria, from);
    if (stored.samples >= all || left === 0) return stored;
    await sleep(AGAIN * 1000);
  }
}

/** { samples, series } that are stored of what was pushed, metric by metric: a query has its limit of series. */
async function countStored(victoria, from) {
  await fetch(`${victoria.url}/internal/force_flush`);
  const response = await fetch(`${victoria.url}/api/v1/label/__name__/values`);
  const stored = { samples: 0, series: 0 };
  for (const name of (await response.json()).data) {
    const range = Math.ceil((Date.now() - from) / 1000) + 60;
    const [row] = await victoria.query(`sum(count_over_time({__name__="${name}"}[${range}s]))`);
    const [count] = await victoria.query(`count(last_over_time({__name__="${name}"}[${range}s]))`);
    stored.samples += Number(row?.value[1] ?? 0);
    stored.series += Number(count?.value[1] ?? 0);
  }
  return stored;
}

function tellCost({ sent, samples, lasted, spent, programs }) {
  const rate = samples / lasted;
  tell(
    `${rate.toFixed(0)} samples/s, ${(sent.bytes / lasted / 1e6).toFixed(2)} MB/s, in ${lasted.toFixed(0)} s`,
  );
  for (const [name, cpu] of Object.entries(spent)) {
    const [part, each] = [(100 * cpu) / lasted, (cpu / samples) * 1e6];
    const peak = peakMb(programs[name]).toFixed(0);
    tell(`${name}: ${part.toFixed(1)} % of a CPU, ${each.toFixed(2)} µs a sample, at most ${peak} MB`);
  }
}
