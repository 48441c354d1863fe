// SPDX-License-Identifier: Apache-2.0
// A Prometheus and a VictoriaMetrics that scrape, and what is asked of them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, start } from './processes.mjs';

/** The name of a metric in Joules (`process.energy`) as it is scraped. */
const scrapedName = (metric) => `${metric.replaceAll('.', '_')}_joules_total`;

/** Writes the file that both read: who is scraped how often. `targets`: { job: port }. */
function writeScrapes(path, seconds, targets) {
  const jobs = Object.entries(targets).map(([job, port]) => ({
    job_name: job,
    static_configs: [{ targets: [`127.0.0.1:${port}`] }],
  }));
  const global = { scrape_interval: `${seconds}s`, scrape_timeout: `${seconds}s` };
  writeFileSync(path, JSON.stringify({ global, scrape_configs: jobs }));
}

export async function startPrometheus({ program, directory, port, seconds, targets }) {
  mkdirSync(directory, { recursive: true });
  writeScrapes(join(directory, 'scrape.yml'), seconds, targets);
  const args = [
    `--config.file=${directory}/scrape.yml`,
    `--storage.tsdb.path=${directory}/data`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ];
  const child = start(program, args, { log: join(directory, 'log') });
  const base = `http://127.0.0.1:${port}`;
  await answers(`${base}/-/ready`, child);
  const query = queryOf(base);
  return {
    title: `Prometheus (scrapes every ${seconds} s)`,
    seconds,
    pushed: false,
    child,
    query,
    /** All samples from `from` to `to` (ms) of the series that a selector selects. */
    async select(selector, { from, to }) {
      const found = await query(`${selector}[${Math.ceil((to - from) / 1000)}s]`, to);
      return found.map(({ metric, values }) => ({
        labels: metric,
        samples: values.map(([time, value]) => [time * 1000, Number(value)]),
      }));
    },
  };
}

/** `flags`: what else it is told. */
export async function startVictoria({ program, directory, port, seconds, targets, flags = [] }) {
  mkdirSync(directory, { recursive: true });
  writeScrapes(join(directory, 'scrape.yml'), seconds, targets);
  const args = [
    `-promscrape.config=${directory}/scrape.yml`,
    `-storageDataPath=${directory}/data`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-retentionPeriod=1d',
    '-search.latencyOffset=0s',
    '-loggerLevel=WARN',
    ...flags,
  ];
  const child = start(program, args, { log: join(directory, 'log') });
  const base = `http://127.0.0.1:${port}`;
  await answers(`${base}/health`, child);
  return {
    title: `VictoriaMetrics (scrapes every ${seconds} s)`,
    seconds,
    pushed: false,
    child,
    url: base,
    query: queryOf(base),
    select: (selector, span) => exported(base, selector, span),
  };
}

/** The same VictoriaMetrics as it has what was pushed to it by OTLP, whose names it keeps as they are. */
export function pushedTo(victoria, seconds) {
  return { ...victoria, title: `VictoriaMetrics (OTLP every ${seconds} s)`, seconds, pushed: true };
}

/** Series of one metric in a view: { labels, samples }, names of labels with underscores. */
export async function readMetric(view, metric, span) {
  const selector = view.pushed ? `{__name__="${metric}"}` : `${scrapedName(metric)}{job="joules"}`;
  const series = await view.select(selector, span);
  return series.map(({ labels, samples }) => ({
    labels: Object.fromEntries(
      Object.entries(labels).map(([key, value]) => [key.replaceAll('.', '_'), value]),
    ),
    samples,
  }));
}

function queryOf(base) {
  return async (query, at = Date.now()) => {
    const response = await fetch(`${base}/api/v1/query?query=${encodeURIComponent(query)}&time=${at / 1000}`);
    const { status, data, error } = await response.json();
    if (status !== 'success') throw new Error(`${query}: ${error}`);
    return data.result;
  };
}

/** It stores decimals: the last digits of the same value may differ from one block of samples to the next. */
const DIGITS = 13;

/** A line of JSON a block of a series. */
async function exported(base, selector, { from, to }) {
  await fetch(`${base}/internal/force_flush`);
  const response = await fetch(
    `${base}/api/v1/export?match[]=${encodeURIComponent(selector)}&start=${from / 1000}&end=${to / 1000}`,
  );
  const series = new Map();
  for (const line of (await response.text()).split('\n').filter(Boolean)) {
    const { metric, values, timestamps } = JSON.parse(line);
    const key = JSON.stringify(metric);
    const known = series.get(key) ?? { labels: metric, samples: [] };
    series.set(key, known);
    timestamps.forEach((time, i) => {
      // What is no number marks the end of a series.
      if (typeof values[i] === 'number') known.samples.push([time, Number(values[i].toPrecision(DIGITS))]);
    });
  }
  for (const { samples } of series.values()) samples.sort(([a], [b]) => a - b);
  return [...series.values()].filter(({ samples }) => samples.length > 0);
}
