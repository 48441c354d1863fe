// SPDX-License-Identifier: Apache-2.0
// How long the queries of the dashboards take, asked as Grafana asks them of the hour that they show first.
import { readDashboards } from '../e2e/dashboards.mjs';
import { tell, test } from '../e2e/report.mjs';
import { cpuSeconds } from './program.mjs';

/** s that a query may take. */
const LONGEST = 2;
/** A query is asked so many times, of which the quickest counts; nothing is cached. */
const ASKED = 3;
const SHOWN_SECONDS = 3600;

/**
 * Asks for the hour until `to`, ms. VictoriaMetrics' CPU time is judged where it is less than the time until the answer:
 * others may use this machine, and what is asked for is in memory, so that on a machine of its own it waits for nothing else.
 */
export async function judgeQueries(victoria, to) {
  const times = [];
  for (const query of readDashboards()) {
    const { cpu, wall } = await quickest(victoria, query, to);
    const took = Math.min(cpu, wall);
    times.push(took);
    const how = `${took.toFixed(2)} s${wall > took ? ` of CPU time, here in ${wall.toFixed(2)} s` : ''}`;
    test(`${query.title} is answered in ${how}`, took > LONGEST && `more than ${LONGEST} s`);
  }
  times.sort((a, b) => a - b);
  const [half, all] = [times[times.length >> 1], times.at(-1)].map((seconds) => seconds.toFixed(2));
  tell(`queries: half of ${times.length} within ${half} s, all within ${all} s`);
}

async function quickest({ url, child }, query, to) {
  const times = { cpu: Infinity, wall: Infinity };
  for (let i = 0; i < ASKED; i++) {
    const [since, before] = [performance.now(), cpuSeconds(child)];
    await ask(url, query, to);
    times.wall = Math.min(times.wall, (performance.now() - since) / 1000);
    times.cpu = Math.min(times.cpu, cpuSeconds(child) - before);
  }
  return times;
}

async function ask(url, { promql, isRange, stepSeconds }, to) {
  const end = to / 1000;
  const at = isRange ? { start: end - SHOWN_SECONDS, end, step: stepSeconds } : { time: end };
  const path = isRange ? 'query_range' : 'query';
  const response = await fetch(`${url}/api/v1/${path}?${new URLSearchParams({ query: promql, ...at })}`);
  const { status, error } = await response.json();
  if (status !== 'success') throw new Error(`${promql}: ${error}`);
}
