// SPDX-License-Identifier: Apache-2.0
// The agent under test: started, restarted, its lines added up.
import { createInterface } from 'node:readline';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answers, start, stop } from './processes.mjs';

/** Every CPU "uses" its TSC's frequency in nW, whatever runs: a truth that needs no energy counter. */
export const SOURCE = 'perf:msr/tsc/,scope=cpu,joules=1e-9,kind=measured';

const root = join(import.meta.dirname, '../..');

/** `config` is the agent's, as JSON, which is YAML. */
export function createAgent({ directory, port, config, endpoint, protocol, pushSeconds, truth }) {
  const file = join(directory, 'agent.yaml');
  writeFileSync(file, JSON.stringify(config));
  const env = {
    OTEL_METRICS_EXPORTER: 'prometheus,otlp',
    OTEL_EXPORTER_PROMETHEUS_PORT: `${port}`,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
    OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
    OTEL_METRIC_EXPORT_INTERVAL: `${pushSeconds * 1000}`,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=e2e',
  };
  const log = join(directory, 'agent.log');
  const url = `http://127.0.0.1:${port}/metrics`;
  const ends = [];
  let child;
  let read;
  return {
    url,
    log,
    /** How it ended each time, and when: { status, seconds, at (ms) }. */
    ends,
    /** Resolves with the first page it serves. */
    async start() {
      const args = ['agent', '--json', '--source', SOURCE, '--config', file];
      child = start(join(root, 'bin/joules'), args, { log, stdout: 'pipe', env });
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => truth.add(line));
      read = new Promise((resolve) => lines.on('close', resolve));
      return (await answers(url, child)).text();
    },
    async stop() {
      const since = performance.now();
      const status = await stop(child);
      await read;
      ends.push({ status, seconds: (performance.now() - since) / 1000, at: Date.now() });
    },
  };
}
