#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:e2e [-- --minutes N]: the agent's metrics in a real Prometheus and a real VictoriaMetrics.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readMetric } from './backends.mjs';
import { makeCgroups } from './cgroups.mjs';
import { measureChurn } from './churn.mjs';
import { judgeIncrease, judgeLaw, judgeOwners, judgeScrapes } from './judge.mjs';
import { startKubelet } from './kubelet.mjs';
import { backendPrograms } from './packages.mjs';
import { checkOpenMetrics, lint } from './page.mjs';
import { freePorts, stopAll } from './processes.mjs';
import { judgeAnswer, readQueries, showAnswer } from './queries.mjs';
import { openStage } from './stage.mjs';
import { makePrograms, plan } from './workload.mjs';

/**
 * The same workload before two agents: one with the default limits, of which every executable and every container is
 * judged, and one so narrow that places change hands all the time, of which the sums are. Each is scraped at two
 * paces: a series is new to one of its readers at another time than to the other.
 */
const STAGES = [
  { name: 'default limits', limits: {}, scrapes: { prometheus: 1, victoria: 5 }, owners: true },
  {
    name: 'narrow limits',
    limits: { processes: 5, executables: 6, cgroups: 6, containers: 4 },
    scrapes: { prometheus: 5, victoria: 1 },
    owners: false,
  },
];
/** Prometheus looks for its targets 5 s after it has begun; the last values are to be scraped at the slowest pace. */
const BEFORE_SECONDS = 6;
const AFTER_SECONDS = 15;
/** What has happened until so long ago has come to all back ends. */
const ARRIVAL_SECONDS = 4;
/** What a back end has not seen by then it never will. */
const IN_VAIN_SECONDS = 120;
/** New series an hour with 100 processes a second. */
const MOST_CHURN = 500;
const MOST_STOP_SECONDS = 5;

const root = dirname(dirname(import.meta.dirname));
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'otel-ebpf-energy/e2e');
/** What is of this run: another may be under way. */
const own = join(cache, `run-${process.pid}`);
const count = { passed: 0, failed: 0, skipped: 0 };
const cleanUp = [];

await main();

async function main() {
  const minutes = minutesOf(process.argv.slice(2));
  if (minutes === undefined) return;
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void closeAll().then(() => process.exit(1)));
  try {
    const rig = await prepare();
    if (rig) await run({ ...rig, seconds: minutes * 60 });
  } catch (error) {
    test('runs to its end', error.stack);
  } finally {
    await closeAll();
  }
  summary();
}

function minutesOf(args) {
  try {
    const { values } = parseArgs({ args, options: { minutes: { type: 'string', default: '5' } } });
    const minutes = Number(values.minutes);
    if (minutes >= 1) return minutes;
    console.error(`test:e2e: --minutes takes a number of 1 or more, not ${values.minutes}`);
  } catch (error) {
    console.error(`test:e2e: ${error.message}`);
  }
  process.exitCode = 2;
  return undefined;
}

/** undefined where it cannot run, which is said. */
async function prepare() {
  mkdirSync(own, { recursive: true });
  const missing = ['build/Release/energy.node', 'dist/cli/main.js'].find(
    (path) => !existsSync(join(root, path)),
  );
  try {
    if (missing) throw new Error(`${missing} is missing: run npm run build first`);
    const programs = backendPrograms(cache);
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
  await sleep(BEFORE_SECONDS * 1000);
  const from = Date.now() - BEFORE_SECONDS * 1000;
  for (const stage of stages) {
    const page = await stage.agent.start();
    test(`${stage.name}: promtool has nothing to say of the first page`, lint(programs.promtool, page));
  }
  await Promise.all(stages.flatMap(({ views }) => views.map((view) => hasSeenTwice(view, from))));
  tell(`workload of ${seconds} s`);
  const over = [...happenings({ seconds, stages }), ...plan({ ...rig, seconds })].map(async ([at, what]) => {
    await sleep(at * 1000);
    return what();
  });
  const ended = (await Promise.all(over)).filter((one) => one?.stop);
  await sleep(AFTER_SECONDS * 1000);
  const span = { from, to: Date.now() - ARRIVAL_SECONDS * 1000 };
  for (const stage of stages) await judge(stage, span, programs);
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

async function judge(stage, span, programs) {
  const { truth, views, prometheus, agent, receiver } = stage;
  const ended = truth.total((interval) => interval.ended) / truth.total((interval) => interval.seconds);
  tell(
    `${stage.name}: ${ended.toFixed(0)} processes ended a second, ${truth.intervals.at(-1).series} series`,
  );
  const scraped = views.filter(({ pushed }) => !pushed);
  for (const view of views) {
    const processes = await judgeLaw({ stage, view, span, test });
    if (stage.owners) await judgeOwners({ stage, view, span, processes, test, tell });
  }
  for (const view of scraped) {
    await judgeScrapes({ stage, view, span, test });
    await judgeIncrease({ stage, view, span, test });
  }
  test(`${stage.name}: VictoriaMetrics takes what is pushed`, receiver.refused.join('; '));
  const page = await (await fetch(agent.url)).text();
  test(`${stage.name}: promtool has nothing to say of the page`, lint(programs.promtool, page));
  test(`${stage.name}: the page is right as OpenMetrics`, await checkOpenMetrics(agent.url, programs.python));
  if (!stage.owners) return;
  await judgeQueries(scraped);
  const { all, perHour, allPerHour, examples } = await measureChurn(prometheus, span, isOfCrowd);
  tell(
    `${all} series in all; with all else that begins and ends here ${allPerHour.toFixed(0)} new ones an hour`,
  );
  test(
    `churn: ${perHour.toFixed(0)} new series an hour with ${ended.toFixed(0)} processes a second`,
    perHour >= MOST_CHURN && `not below ${MOST_CHURN}: ${examples.join('; ')}`,
  );
}

/** Series that only the processes of the crowd can have made: the machine may do other things beside. */
function isOfCrowd({ container_id, cgroup_path, process_executable_name }) {
  if (container_id !== undefined || cgroup_path !== undefined) return false;
  return process_executable_name === undefined || /^e2e-(job|crowd)/.test(process_executable_name);
}

async function judgeQueries(views) {
  const queries = readQueries();
  test('docs/metrics.md has ten queries', queries.length !== 10 && `${queries.length}`);
  for (const { title, promql } of queries) {
    for (const view of views) {
      const rows = await view.query(promql);
      test(`${view.title}: ${title}: ${showAnswer(rows)}`, judgeAnswer(rows));
    }
  }
}

function judgeEnds({ name, agent }) {
  for (const { status, seconds } of agent.ends) {
    test(
      `${name}: the agent ends ${seconds.toFixed(1)} s after SIGTERM`,
      (status !== 0 && `with ${status}`) ||
        (seconds > MOST_STOP_SECONDS && `later than ${MOST_STOP_SECONDS} s`),
    );
  }
}

function test(what, why) {
  count[why ? 'failed' : 'passed'] += 1;
  console.log(`${why ? 'FAIL' : 'ok  '} ${what}${why ? `: ${why}` : ''}`);
}

function tell(text) {
  console.log(`     ${text}`);
}

function skip(what, error) {
  count.skipped += 1;
  console.log(`skip ${what}: ${error.message}`);
}

async function closeAll() {
  await stopAll();
  for (const close of cleanUp.splice(0)) await close();
}

function summary() {
  // What failed is kept to be looked into.
  if (count.failed > 0) tell(`what the agents and the back ends wrote is in ${own}`);
  else rmSync(own, { recursive: true, force: true });
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
  // What has failed may have left something that is waited for.
  process.exit(count.failed > 0 ? 1 : 0);
}
