// SPDX-License-Identifier: Apache-2.0
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(__dirname, '../../deploy/dashboards');
const documented = readFileSync(join(__dirname, '../../docs/metrics.md'), 'utf8');

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource: { readonly uid: string };
  readonly interval: string;
  readonly targets: readonly { readonly refId: string; readonly expr: string; readonly range: boolean }[];
}

interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly definition?: string }[];
  };
}

const dashboards = readdirSync(directory)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Dashboard);

/** Names of metrics and attributes as a page of Prometheus' has them. */
const known = new Set(
  [...documented.matchAll(/`([a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+)`/g)].map(([, name]) =>
    name!.replaceAll('.', '_'),
  ),
);
/** What Prometheus adds, and what Grafana has of its own. */
const LABELS = new Set(['instance', 'job']);
const BUILT_IN = new Set(['__rate_interval', '__range']);

test('dashboards have ids of their own', () => {
  expect(dashboards).toHaveLength(3);
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
});

describe.each(dashboards)('$title', ({ panels, templating }) => {
  const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const asked = [...queries, ...templating.list.flatMap(({ definition }) => definition ?? [])];

  it('has panels that can be told apart, beside and below one another', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of panels) {
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        expect(x).toBeLessThan(24);
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false]);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  it('asks the data source that is chosen, for something in each panel', () => {
    for (const { datasource, targets } of panels) {
      expect(datasource.uid).toBe('${datasource}');
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
    }
  });

  it('asks for values of the whole time at steps of a minute where there are many series', () => {
    const isLong = ({ targets }: Panel): boolean =>
      targets.some(
        ({ range, expr }) => range && /\b(?:process|container|cgroup)_energy_joules_total/.test(expr),
      );
    const long = panels.filter(isLong);
    expect(long.length).toBeGreaterThan(0);
    expect(long.filter(({ interval }) => interval !== '1m')).toEqual([]);
  });

  it('asks for metrics and attributes that there are', () => {
    const metrics = asked.flatMap(
      (query) => query.match(/\b(?:hw|process|container|cgroup|energy)\w*_total\b/g) ?? [],
    );
    expect(metrics.length).toBeGreaterThanOrEqual(panels.length);
    for (const metric of metrics) expect(known).toContain(metric.replace(/(?:_joules)?_total$/, ''));
    const labels = asked.flatMap((query) => [
      ...[...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(', ')),
      ...[...query.matchAll(/([a-z][a-z0-9_]*)(?:=~|!=|!~|=)"/g)].map(([, label]) => label!),
      ...[...query.matchAll(/^label_values\(.*, (\w+)\)$/g)].map(([, label]) => label!),
    ]);
    for (const label of labels) expect([...LABELS, ...known]).toContain(label);
  });

  it('uses the variables that it has, and has those that it uses', () => {
    const used = new Set(asked.flatMap((query) => query.match(/(?<=\$)\w+/g) ?? []));
    const names = templating.list.map(({ name }) => name);
    for (const name of used) expect([...names, ...BUILT_IN]).toContain(name);
    for (const name of names) expect([...used, 'datasource']).toContain(name);
  });

  it('has rates of what only grows, and Watts of no gauge', () => {
    // Series are counted as they are.
    const rates = queries.filter((query) => !query.includes('count'));
    const bare = (query: string): string[] =>
      query.replaceAll(/(?:rate|increase)\([^[]*\[[^\]]*\]\)/g, '').match(/\w+_total\b/g) ?? [];
    expect(rates.filter((query) => bare(query).length > 0)).toEqual([]);
  });
});
