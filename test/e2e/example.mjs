// SPDX-License-Identifier: Apache-2.0
// The service of examples/requests as a user has it: a copy of its folder, its packages from npm and this one as it is
// built now, before a VictoriaMetrics of its own, with the example's Collector where there is a Collector.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { EXAMPLE, packages, readJson, unpack } from '../support/example.mjs';
import { SOURCE } from './agent.mjs';
import { startVictoria } from './backends.mjs';
import { answers, freePorts, start, stop } from './processes.mjs';
import { skip } from './report.mjs';

/** What VictoriaMetrics is told there, so that names are as in the dashboard. */
const FLAGS = parse(
  readFileSync(join(EXAMPLE, 'compose.yaml'), 'utf8'),
).services.victoriametrics.command.filter((flag) => !flag.startsWith('-httpListenAddr'));
const REQUESTS_PER_SECOND = 10;
/** The service reads and sends twice in that time. */
const LAST_SECONDS = 11;

/** Undefined where its packages cannot be had, which is said. */
export async function openExample({ cache, own, programs }) {
  const top = join(own, 'example');
  try {
    unpack(top, await packages(cache));
  } catch (error) {
    skip('the example cannot be run here', error);
    return undefined;
  }
  const [port, victoriaPort, collectorPort] = await freePorts(3);
  const victoria = await startVictoria({
    program: programs.victoria,
    directory: join(top, 'victoria'),
    port: victoriaPort,
    seconds: 5,
    targets: {},
    flags: FLAGS,
  });
  const log = join(top, 'collector.log');
  if (programs.collector) await startItsCollector(programs.collector, collectorPort, victoria.url, log);
  const endpoint = programs.collector ? `http://127.0.0.1:${collectorPort}` : `${victoria.url}/opentelemetry`;
  const env = { PORT: `${port}`, ENERGY_SOURCE: SOURCE, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
  const result = { victoria, refused: () => (existsSync(log) ? readFileSync(log, 'utf8').trim() : '') };
  return {
    result,
    /** Serves for so long; `startIn` starts a program where it is to be. */
    serve: async (startIn, seconds) =>
      Object.assign(result, await serve({ top, env, port, startIn, seconds })),
  };
}

async function serve({ top, env, port, startIn, seconds }) {
  const cwd = join(top, 'requests');
  const { scripts } = readJson(join(cwd, 'package.json'));
  const until = performance.now() + (seconds - LAST_SECONDS) * 1000;
  const child = startIn('sh', ['-c', `exec ${scripts.start}`], { cwd, env, log: join(top, 'log') });
  const url = `http://127.0.0.1:${port}`;
  await answers(`${url}/health`, child, 120);
  const lasting = Math.max(10, (until - performance.now()) / 1000);
  const load = start(process.execPath, [join(cwd, 'load.mjs'), url, `${REQUESTS_PER_SECOND}`, `${lasting}`], {
    stdout: 'pipe',
    log: join(top, 'load.log'),
  });
  const answered = await text(load.stdout);
  await sleep(LAST_SECONDS * 1000);
  return { answered, status: await stop(child) };
}

async function startItsCollector(program, port, victoria, log) {
  const env = { OTLP_LISTEN: `127.0.0.1:${port}`, VICTORIA_URL: victoria };
  const child = start(program, ['--config', `file:${EXAMPLE}/collector.yaml`], { log, env });
  // Any answer will do: it takes POST alone.
  await answers(`http://127.0.0.1:${port}/v1/metrics`, child, 60, () => true);
}
