// SPDX-License-Identifier: Apache-2.0
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { packages, unpack } from '../support/example.mjs';
import { HERE, ROUNDS, table } from './tools.mjs';

const { median } = createRequire(import.meta.url)('../../dist/verify/statistics.js');

/** Another Node than this one, to be measured. */
const NODE = process.env['BENCH_NODE'] ?? process.execPath;
const SOURCE = 'perf:msr/tsc/,scope=cpu,joules=1e-9';
/** Servers are started anew so often: one is compiled and laid out otherwise than the next. */
const STARTS = 4;
const REQUESTS = 200;
const AT_ONCE = 20;

/** Each kind in turn, the first of them last in every other round. */
async function interleaved(kinds, rounds, measure) {
  const found = Object.fromEntries(kinds.map((kind) => [kind, []]));
  for (let round = 0; round < rounds; round++)
    for (const kind of round % 2 === 0 ? kinds : kinds.toReversed()) found[kind].push(await measure(kind));
  return found;
}

/** Of one value, from the median of how far they are off theirs. */
function sigmaOf(values) {
  const middle = median(values);
  return 1.48 * median(values.map((value) => Math.abs(value - middle)));
}

const spread = (values, digits) => `${median(values).toFixed(digits)} ± ${sigmaOf(values).toFixed(digits)}`;

async function awaits(folder) {
  const measure = (kind) =>
    JSON.parse(execFileSync(NODE, [join(HERE, 'awaits.cjs'), folder, kind], { encoding: 'utf8' }));
  const found = await interleaved(['bare', 'tracing', 'energy'], ROUNDS, measure);
  const above = found.energy.map((ns, i) => ns - found.tracing[i]);
  const cells = [found.bare, found.tracing, found.energy, above].map((values) => spread(values, 0));
  return table(
    ['ns of CPU an await', 'bare', 'traced', 'and its energy', 'that is more by'],
    [['', ...cells]],
  );
}

async function startServer(folder, kind) {
  const child = fork(join(HERE, 'served.cjs'), [folder, kind, SOURCE], {
    execPath: NODE,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const [port] = await once(child.stdout.setEncoding('utf8'), 'data');
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const ask = async (path) => {
    const [response] = await once(get({ host: '127.0.0.1', port: Number(port), path, agent }), 'response');
    return text(response);
  };
  return {
    /** CPU time of one of `REQUESTS` requests, µs. */
    async measure() {
      const before = Number(await ask('/cpu'));
      const left = Array.from({ length: REQUESTS }).values();
      const client = async () => {
        for (const _ of left) await ask('/');
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      return (Number(await ask('/cpu')) - before) / 1000 / REQUESTS;
    },
    stop() {
      agent.destroy();
      child.disconnect();
      return once(child, 'exit');
    },
  };
}

const KINDS = ['traced', 'process', 'requests'];

async function servers(folder) {
  const found = Object.fromEntries(KINDS.map((kind) => [kind, []]));
  for (let i = 0; i < STARTS; i++) {
    const started = {};
    for (const kind of KINDS) started[kind] = await startServer(folder, kind);
    const measure = (kind) => started[kind].measure();
    // What is compiled while it runs, and the meters until they are there.
    await interleaved(KINDS, 4, measure);
    const measured = await interleaved(KINDS, ROUNDS, measure);
    for (const kind of KINDS) found[kind].push(...measured[kind]);
    await Promise.all(Object.values(started).map((server) => server.stop()));
  }
  const row = (title, kind, than) => {
    const more = than ? found[kind].map((us, i) => 100 * (us / found[than][i] - 1)) : undefined;
    // Of a median.
    const error = more && (1.25 * sigmaOf(more)) / Math.sqrt(more.length);
    return [title, spread(found[kind], 0), ...(more ? [spread(more, 1), error.toFixed(1)] : ['', ''])];
  };
  return table(
    ['server', 'µs of CPU a request', 'more than the row above, pair by pair, %', 'its standard error'],
    [
      row('traced', 'traced'),
      row('its energy, read every second', 'process', 'traced'),
      row('that of its requests, too', 'requests', 'process'),
    ],
  );
}

/** What it costs to follow the energy of requests. */
export default async function requests() {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'otel-ebpf-energy/e2e');
  const top = mkdtempSync(join(tmpdir(), 'joules-bench-'));
  try {
    unpack(top, await packages(cache));
    const folder = join(top, 'requests');
    const version = execFileSync(NODE, ['--version'], { encoding: 'utf8' }).trim();
    const tables = [await awaits(folder), await servers(folder)];
    return `# Energy of requests, Node ${version}\n\n${tables.join('\n\n')}`;
  } finally {
    rmSync(top, { recursive: true, force: true });
  }
}
