// SPDX-License-Identifier: Apache-2.0
// npm run test:e2e -- collector: a real OpenTelemetry Collector before VictoriaMetrics, built from Debian's Go packages.
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { aptFor } from '../vm/kernels.mjs';
import { must } from '../vm/shell.mjs';
import { answers, freePorts, start, stop } from './processes.mjs';

const SUITE = 'sid';
const PACKAGES = ['golang-opentelemetry-collector-dev', 'golang-go'];

/** Path of the Collector, built if it is not there yet: 0.3 GB to fetch, 2.3 GB while it is built, some minutes. */
export function collectorProgram(cache) {
  const directory = join(cache, 'collector');
  const program = join(directory, 'collector');
  if (existsSync(program)) return program;
  console.error(`test:e2e: building the Collector from ${PACKAGES.join(', ')} of ${SUITE} …`);
  const root = join(directory, 'root');
  unpackClosure(cache, root);
  const go = readdirSync(join(root, 'usr/lib')).find((name) => name.startsWith('go-'));
  const env = {
    ...process.env,
    GOROOT: join(root, 'usr/lib', go),
    GOPATH: join(root, 'usr/share/gocode'),
    GOCACHE: join(directory, 'go-cache'),
    GO111MODULE: 'off',
    GOTOOLCHAIN: 'local',
    GOPROXY: 'off',
    GOFLAGS: '',
    CGO_ENABLED: '0',
  };
  const source = join(import.meta.dirname, 'collector/main.go');
  const built = `${program}.new`;
  const command = join(root, 'usr/lib', go, 'bin/go');
  must(command, ['build', '-p', '2', '-trimpath', '-ldflags', '-s -w', '-o', built, source], { env });
  for (const path of [root, env.GOCACHE]) rmSync(path, { recursive: true, force: true });
  renameSync(built, program);
  return program;
}

/** All that the packages need, of Go: nothing of it is installed, nor is what this system has taken into account. */
function unpackClosure(cache, root) {
  const apt = aptFor(SUITE, cache);
  const status = join(cache, 'apt', SUITE, 'status');
  const archives = join(cache, 'apt', SUITE, 'cache/archives');
  writeFileSync(status, '');
  const options = [...apt.options, '-o', `Dir::State::status=${status}`];
  must('apt-get', [...options, '-qq', '-y', '-d', '--no-install-recommends', 'install', ...PACKAGES]);
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const debs = readdirSync(archives).filter((name) => name.startsWith('golang-'));
  for (const deb of debs) must('dpkg', ['-x', join(archives, deb), root]);
  rmSync(archives, { recursive: true });
}

/** A Collector that sends on to VictoriaMetrics. It can be away. */
export async function startCollector({ program, directory, target }) {
  mkdirSync(directory, { recursive: true });
  const [port] = await freePorts(1);
  const file = join(directory, 'collector.json');
  const log = join(directory, 'log');
  const config = {
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    processors: { batch: { timeout: '200ms' } },
    exporters: { otlp_http: { metrics_endpoint: `${target}/opentelemetry/v1/metrics` } },
    service: {
      telemetry: { metrics: { level: 'none' }, logs: { level: 'warn' } },
      pipelines: { metrics: { receivers: ['otlp'], processors: ['batch'], exporters: ['otlp_http'] } },
    },
  };
  writeFileSync(file, JSON.stringify(config));
  let child;
  const comeBack = async () => {
    child = start(program, ['--config', `file:${file}`], { log });
    // Any answer will do: it takes POST alone.
    await answers(`http://127.0.0.1:${port}/v1/metrics`, child, 60, () => true);
  };
  await comeBack();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    child,
    /** What the Collector complains of. */
    refused: () => readFileSync(log, 'utf8').split('\n').filter(Boolean),
    leave: () => stop(child),
    comeBack,
    close: () => stop(child, 'SIGKILL'),
  };
}
