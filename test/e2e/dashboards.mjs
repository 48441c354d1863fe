// SPDX-License-Identifier: Apache-2.0
// The dashboards of deploy/dashboards as Grafana asks them, with every variable at its "All", and the rules of
// deploy/prometheus.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const directory = join(root, 'deploy/dashboards');

/** What Grafana makes of its own variables, with some minutes on the screen: the shop is not asked all the time. */
const BUILT_IN = { __rate_interval: '3m', __range: '3m' };
/** What the shop of the workload exports. */
const CHOSEN = { requests: 'http_server_requests_total' };

/**
 * { title, promql, isRange, stepSeconds } of each query of each panel, and of each variable: `isRange` where a panel asks for
 * all values of the time that is shown, at steps that are the shortest it has.
 */
export function readDashboards() {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .flatMap((name) => queriesOf(join(directory, name)));
}

/** The same of one dashboard. */
export function queriesOf(path) {
  const { title, panels, templating } = JSON.parse(readFileSync(path, 'utf8'));
  const values = { ...BUILT_IN, ...valuesOf(templating.list), ...CHOSEN };
  const queries = [...panels.flatMap(queriesOfPanel), ...templating.list.flatMap(variableOf)];
  return queries.map((query) => ({
    ...query,
    title: `${title}: ${query.title}`,
    promql: query.promql.replace(/\$(\w+)/g, (_, variable) => values[variable]),
  }));
}

function valuesOf(variables) {
  return Object.fromEntries(variables.map(({ name, allValue, query }) => [name, allValue ?? query]));
}

function queriesOfPanel({ title, targets, interval }) {
  const [, count, unit] = /^(\d+)([sm])$/.exec(interval);
  const stepSeconds = Number(count) * { s: 1, m: 60 }[unit];
  return targets.map(({ expr, refId, range }) => ({
    title: `${title} ${refId}`,
    promql: expr,
    isRange: range === true,
    stepSeconds,
  }));
}

/** Grafana asks for series of the whole time on the screen. */
function variableOf({ name, type, definition }) {
  if (type !== 'query') return [];
  const [, selector, label] = /^label_values\((.+), (\w+)\)$/.exec(definition);
  return [
    { title: `variable ${name}`, promql: `count by (${label}) (last_over_time(${selector}[$__range]))` },
  ];
}

/** '' where the rules make of known series what they are to. */
export function testRules(promtool) {
  const run = spawnSync(promtool, ['test', 'rules', 'rules.test.yaml'], {
    cwd: join(root, 'test/deploy'),
    encoding: 'utf8',
  });
  return run.status === 0 ? '' : run.stdout + run.stderr;
}
