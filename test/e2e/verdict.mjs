// SPDX-License-Identifier: Apache-2.0
// All that one agent and its back ends are judged by.
import { measureChurn } from './churn.mjs';
import { readDashboards, testRules } from './dashboards.mjs';
import { judgeIncrease, judgeLaw, judgeOwners, judgeScrapes } from './judge.mjs';
import { checkOpenMetrics, lint } from './page.mjs';
import { judgeAnswer, readQueries, showAnswer } from './queries.mjs';
import { tell, test } from './report.mjs';

/** New series an hour with 100 processes a second. */
const MOST_CHURN = 500;
const MOST_STOP_SECONDS = 5;

/** `span`: from when to when ({ from, to }, ms) all back ends have everything. */
export async function judge(stage, span, programs) {
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
  test(`${stage.name}: what is pushed is taken`, receiver.refused().join('; '));
  const page = await (await fetch(agent.url)).text();
  test(`${stage.name}: promtool has nothing to say of the page`, lint(programs.promtool, page));
  test(`${stage.name}: the page is right as OpenMetrics`, await checkOpenMetrics(agent.url, programs.python));
  if (!stage.owners) return;
  test('the rules for Prometheus do what they are to', testRules(programs.promtool));
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
  for (const { title, promql } of [...queries, ...readDashboards()]) {
    for (const view of views) {
      const rows = await view.query(promql);
      test(`${view.title}: ${title}: ${showAnswer(rows)}`, judgeAnswer(rows));
    }
  }
}

/** Whether the agent ended well, each time. */
export function judgeEnds({ name, agent }) {
  for (const { status, seconds } of agent.ends) {
    test(
      `${name}: the agent ends ${seconds.toFixed(1)} s after SIGTERM`,
      (status !== 0 && `with ${status}`) ||
        (seconds > MOST_STOP_SECONDS && `later than ${MOST_STOP_SECONDS} s`),
    );
  }
}
