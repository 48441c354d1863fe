// SPDX-License-Identifier: Apache-2.0
// What the back end has of the example: its dashboard, its routes, and whether they and the rest are all of it.
import { join } from 'node:path';
import { EXAMPLE } from '../support/example.mjs';
import { queriesOf } from './dashboards.mjs';
import { judgeAnswer, showAnswer } from './queries.mjs';
import { test } from './report.mjs';

/** /report does four times the work of /price; what a request takes by itself, as /health does, is taken off both. */
const MOST_RATIO = 6;
const LEAST_RATIO = 2.5;
/** VictoriaMetrics keeps decimals of so many digits, and adds them up. */
const TOLERANCE = 1e-9;

const REQUESTS = 'http_server_request_energy_joules';

export async function judgeExample({ result }, from) {
  const { victoria, refused, answered, status } = result;
  const counts = JSON.parse(answered || '{}');
  const count = counts[200];
  test(
    `example: all ${count} requests are answered`,
    Object.keys(counts).join() !== '200' && `it was ${answered}`,
  );
  test('example: the service ends by SIGTERM', status !== 0 && `with ${status}`);
  test('example: the Collector has nothing to say', refused());
  const seconds = Math.ceil((Date.now() - from) / 1000);
  const ask = async (promql) => {
    const rows = await victoria.query(promql.replaceAll('$all', `[${seconds}s]`));
    return Number(rows[0]?.value[1]);
  };
  for (const { title, promql } of queriesOf(join(EXAMPLE, 'dashboard.json'))) {
    const rows = await victoria.query(promql);
    test(`${title}: ${showAnswer(rows)}`, judgeAnswer(rows));
  }
  await judgeRoutes(ask, count);
  const [process, requests, none, active] = await Promise.all(
    [
      'increase(process_energy_joules_total$all)',
      `increase(${REQUESTS}_sum$all)`,
      'increase(process_energy_no_request_joules_total$all)',
      'delta(http_server_active_request_energy_joules$all)',
    ].map((promql) => ask(`sum(${promql})`)),
  );
  const parts = requests + none + active;
  test(
    `example: by increase(), routes and the rest are what the process used (${parts.toFixed(3)} J of ${process.toFixed(3)} J)`,
    !(process > 0 && Math.abs(parts / process - 1) <= TOLERANCE) && `off by ${parts / process - 1}`,
  );
}

async function judgeRoutes(ask, answered) {
  const perRequest = (route) =>
    ask(
      `sum(increase(${REQUESTS}_sum{http_route="${route}"}$all)) / sum(increase(${REQUESTS}_count{http_route="${route}"}$all))`,
    );
  const [health, price, report] = await Promise.all(['/health', '/price/:item', '/report'].map(perRequest));
  const ratio = (report - health) / (price - health);
  test(
    `example: /report uses ${ratio.toFixed(2)} times what /price does`,
    !(ratio >= LEAST_RATIO && ratio <= MOST_RATIO) && `not ${LEAST_RATIO} to ${MOST_RATIO} times`,
  );
  const seen = await ask(`sum(increase(${REQUESTS}_count$all))`);
  // That it serves was asked for as well, until it did.
  test(
    `example: ${seen} requests have their energy`,
    !(seen > answered && seen < answered + 10) && `of ${answered}`,
  );
}
