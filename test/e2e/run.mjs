#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:e2e [-- [--minutes N] [collector]]: the agent's metrics in a real Prometheus and a real VictoriaMetrics,
// and on their way to it through a real Collector.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { must } from '../vm/shell.mjs';
import { SOURCE } from './agent.mjs';
import { readMetric } from './backends.mjs';
import { makeCgroups } from './cgroups.mjs';
import { collectorProgram } from './collector.mjs';
import { openExample } from './example.mjs';
import { judgeExample } from './example-verdict.mjs';
import { startKubelet } from './kubelet.mjs';
import { backendPrograms } from './packages.mjs';
import { lint } from './page.mjs';
import { freePorts, stopAll } from './processes.mjs';
import { hasFailed, skip, summary, tell, test } from './report.mjs';
import { openStage } from './stage.mjs';
import { judge, judgeEnds } from './verdict.mjs';
import { makePrograms, plan } from './workload.mjs';

/**
 * The same workload before two agents: one with the default limits, of which every executable and every container is
 * judged, and one so narrow that places change hands all the time, of which the sums are. Each is scraped at two
 * paces: a series is new to one of its readers at another time than to the other.
 */
const STAGES = [
  {
    name: 'default limits',
    limits: {},
    scrapes: { prometheus: 1, victoria: 5 },
    owners: true,
    protocol: 'http/protobuf',
  },
  {
    name: 'narrow limits',
    limits: { processes: 5, executables: 6, cgroups: 6, containers: 4 },
    scrapes: { prometheus: 5, victoria: 1 },
    owners: false,
    protocol: 'http/json',
  },
];
/** Prometheus looks for its targets 5 s after it has begun; the last values are to be scraped at the slowest pace. */
const BEFORE_SECONDS = 6;
const AFTER_SECONDS = 15;
/** What has happened until so long ago has come to all back ends. */
const ARRIVAL_SECONDS = 4;
/** What a back end has not seen by then it never will. */
const IN_VAIN_SECONDS = 120;

const root = dirname(dirname(import.meta.dirname));
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/e2e');
/** What is of this run: another may be under way. */
const own = join(cache, `run-${process.pid}`);
const cleanUp = [];

await main();

async function main() {
  const wanted = parse(process.argv.slice(2));
  if (wanted === undefined) return;
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void closeAll().then(() => process.exit(1)));
  try {
    const rig = await prepare(wanted);
    if (rig) await run({ ...rig, seconds: wanted.minutes * 60 });
  } catch (error) {
    test('runs to its end', error.stack);
  } finally {
    await closeAll();
  }
  // What failed is kept to be looked into.
  if (hasFailed()) tell(`what the agents and the back ends wrote is in ${own}`);
  else rmSync(own, { recursive: true, force: true });
  summary();
  // What has failed may have left something that is waited for.
  process.exit(hasFailed() ? 1 : 0);
}

function parse(args) {
  try {
    const options = { minutes: { type: 'string', default: '5' } };
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    const minutes = Number(values.minutes);
    const unknown = positionals.filter((name) => name !== 'collector');
    if (!(minutes >= 1)) throw new Error(`--minutes takes a number of 1 or more, not ${values.minutes}`);
    if (unknown.length > 0) throw new Error(`there is "collector", but not ${unknown.join(', ')}`);
    return { minutes, withCollector: positionals.length > 0 };
  } catch (error) {
    console.error(`test:e2e: ${error.message}`);
    process.exitCode = 2;
    return undefined;
  }
}

/** undefined where it cannot run, which is said. */
async function prepare({ withCollector }) {
  mkdirSync(own, { recursive: true });
  const missing = ['build/Release/energy.node', 'dist/cli/main.js'].find(
    (path) => !existsSync(join(root, path)),
  );
  try {
    if (missing) throw new Error(`${missing} is missing: run npm run build first`);
    must(join(root, 'bin/joules'), ['doctor', '--source', SOURCE]);
    const collector = withCollector ? collectorProgram(cache) : undefined;
    const programs = { ...backendPrograms(cache), collector };
    const program = makePrograms(join(own, 'bin'));
    const cgroups = makeCgroups();
    cleanUp.push(() => cgroups.close());
    const kubelet = await startKubelet();
    cleanUp.push(() => kubelet.close());
    const [shopPort] = await freePorts(1);
    return { programs, program, cgroups, kubelet, shopPort };
  } catch (error) {
    skip('metrics cannot be tested with real back ends here', error);
    return undefined;
  }
}

async function run({ programs, seconds, ...rig }) {
  const stages = [];
  for (const { limits, ...stage } of STAGES) {
    const config = { interval: 1, limits, kubelet: { url: rig.kubelet.url } };
    const opened = await openStage({ ...stage, programs, own, config, shopPort: rig.shopPort });
    cleanUp.push(() => opened.receiver.close());
    stages.push({ ...stage, ...opened });
  }
  const example = await openExample({ cache, own, programs });
  await sleep(BEFORE_SECONDS * 1000);
  const from = Date.now() - BEFORE_SECONDS * 1000;
  for (const stage of stages) {
    const page = await stage.agent.start();
    test(`${stage.name}: promtool has nothing to say of the first page`, lint(programs.promtool, page));
  }
  await Promise.all(stages.flatMap(({ views }) => views.map((view) => hasSeenTwice(view, from))));
  tell(`workload of ${seconds} s`);
  const over = [...happenings({ seconds, stages }), ...plan({ ...rig, seconds, example })].map(
    async ([at, what]) => {
      await sleep(at * 1000);
      return what();
    },
  );
  const ended = (await Promise.all(over)).filter((one) => one?.stop);
  await sleep(AFTER_SECONDS * 1000);
  const span = { from, to: Date.now() - ARRIVAL_SECONDS * 1000 };
  for (const stage of stages) await judge(stage, span, programs);
  if (example) await judgeExample(example, from);
  for (const stage of stages) {
    await stage.agent.stop();
    judgeEnds(stage);
  }
  await Promise.all(ended.map((one) => one.stop()));
}

/** Waits until what is new from now on is new to a back end that knows the agent. */
async function hasSeenTwice(view, from) {
  const inVain = Date.now() + IN_VAIN_SECONDS * 1000;
  for (;;) {
    const series = await readMetric(view, 'hw.energy', { from, to: Date.now() });
    if (series.some(({ samples }) => samples.length > 2)) return;
    if (Date.now() > inVain) throw new Error(`${view.title} does not get the metrics`);
    await sleep(500);
  }
}

/** What happens to the agents and their receivers: [[second, what]]. */
function happenings({ seconds, stages }) {
  const restart = async (stage) => {
    await stage.agent.stop();
    await stage.agent.start();
    tell(`${stage.name}: restarted`);
  };
  const away = Math.min(60, seconds / 5);
  return stages.flatMap((stage) => [
    [seconds / 2, () => restart(stage)],
    [
      0.7 * seconds,
      async () => {
        stage.receiver.leave();
        await sleep(away * 1000);
        await stage.receiver.comeBack();
        tell(`${stage.name}: the OTLP receiver was away for ${away} s`);
      },
    ],
  ]);
}

async function closeAll() {
  await stopAll();
  for (const close of cleanUp.splice(0)) await close();
}
