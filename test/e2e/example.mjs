// SPDX-License-Identifier: Apache-2.0
// The service of examples/requests as a user has it: a copy of its folder, its packages from npm and this one as it is
// built now, before a VictoriaMetrics of its own, with the example's Collector where there is a Collector.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { SOURCE } from './agent.mjs';
import { startVictoria } from './backends.mjs';
import { answers, freePorts, start, stop } from './processes.mjs';
import { skip } from './report.mjs';

const root = join(import.meta.dirname, '../..');
export const EXAMPLE = join(root, 'examples/requests');
/** What VictoriaMetrics is to be told, so that names are as in the dashboard. */
const FLAGS = ['-opentelemetry.usePrometheusNaming'];
const REQUESTS_PER_SECOND = 10;
/** The service reads and sends twice in that time. */
const LAST_SECONDS = 11;

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

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

/** The example and, where it finds it, what npm would have installed with it. */
function unpack(top, modules) {
  const there = join(top, 'requests');
  cpSync(EXAMPLE, there, { recursive: true });
  const ours = join(there, 'node_modules/otel-ebpf-energy');
  for (const path of ['package.json', 'dist', 'build/Release/energy.node'])
    cpSync(join(root, path), join(ours, path), { recursive: true });
  symlinkSync(modules, join(top, 'node_modules'));
}

/** The packages of the example and of this one, installed into the cache unless they are there. */
async function packages(cache) {
  const { dependencies: own } = readJson(join(root, 'package.json'));
  const { 'otel-ebpf-energy': _, ...dependencies } = readJson(join(EXAMPLE, 'package.json')).dependencies;
  const manifest = JSON.stringify({ private: true, dependencies: { ...own, ...dependencies } });
  const key = createHash('sha256').update(manifest).digest('hex').slice(0, 12);
  const directory = join(cache, `example-${key}`);
  const modules = join(directory, 'node_modules');
  if (existsSync(directory)) return modules;
  // A directory of this name is complete.
  const partial = `${directory}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  writeFileSync(join(partial, 'package.json'), manifest);
  const quiet = ['--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'];
  const npm = spawn('npm', ['install', ...quiet], { cwd: partial, stdio: ['ignore', 'ignore', 'pipe'] });
  const [why, [status]] = await Promise.all([text(npm.stderr), once(npm, 'exit')]);
  if (status === 0 && !existsSync(directory)) renameSync(partial, directory);
  rmSync(partial, { recursive: true, force: true });
  if (status !== 0) throw new Error(`npm install: ${why.trim().split('\n')[0]}`);
  return modules;
}
