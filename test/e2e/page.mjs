// SPDX-License-Identifier: Apache-2.0
// Whether the page that is scraped is right to the letter.
import { spawnSync } from 'node:child_process';

/** What `promtool check metrics` has to say of a page; empty if nothing. */
export function lint(promtool, page) {
  const { status, stdout, stderr } = spawnSync(promtool, ['check', 'metrics'], {
    input: page,
    encoding: 'utf8',
  });
  return status === 0 ? `${stdout}${stderr}`.trim() : `exit status ${status}: ${stdout}${stderr}`.trim();
}

const OPEN_METRICS = 'application/openmetrics-text';

/** What is wrong with the page as OpenMetrics, by that format's reference parser; '' if nothing. */
export async function checkOpenMetrics(url, python) {
  const response = await fetch(url, { headers: { accept: `${OPEN_METRICS}; version=1.0.0` } });
  const type = response.headers.get('content-type');
  if (!type?.startsWith(OPEN_METRICS)) return `asked for OpenMetrics, it answers with ${type}`;
  const program = [
    'import sys',
    'from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse',
    'families = list(parse(sys.stdin.read()))',
    'energy = [f for f in families if f.unit == "joules" and f.type == "counter"]',
    'assert energy, "no counter of the unit joules"',
    'assert all(s.name.endswith(("_total", "_created")) for f in energy for s in f.samples)',
    'assert any(s.name.endswith("_created") for f in energy for s in f.samples), "no _created"',
  ].join('\n');
  const { status, stderr, error } = spawnSync('python3', ['-c', program], {
    input: await response.text(),
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: python },
  });
  if (error) throw error;
  return status === 0 ? '' : stderr.trim().split('\n').at(-1);
}
