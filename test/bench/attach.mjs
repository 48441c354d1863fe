// SPDX-License-Identifier: Apache-2.0
// What the agent's socket costs, and how soon it answers: beside few and as many as it lets in, and under a flood.
import { spawn } from 'node:child_process';
import { mkdtempSync, chmodSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NODE_FLAGS, table } from './tools.mjs';

const CROWD = fileURLToPath(new URL('../support/attach-crowd.mjs', import.meta.url));
const JOULES = fileURLToPath(new URL('../../bin/joules', import.meta.url));
const SOURCE = 'perf:msr/tsc/,scope=cpu,joules=1e-9,kind=measured';
const FIRST_USER = 61_000;
const SETTLE_MS = 15_000;
const MEASURE_MS = 30_000;
const CASES = [
  { name: 'nobody', users: 0, floods: [] },
  { name: '8 peers', users: 1, floods: [] },
  { name: '64 peers', users: 8, floods: [] },
  {
    name: '8 peers, and 5 users who flood',
    users: 1,
    floods: ['restless', 'deaf', 'long', 'half', 'stopped'],
  },
];
const HEAD = ['attached', 'answers', 'p50, ms', 'p99, ms', 'agent, ms of CPU a second', 'agent, MB more'];

export default async function attachCosts() {
  const rows = [];
  for (const one of CASES) rows.push(await row(one));
  return `# The agent's socket

Each peer asks 10 times a second for itself; time from a request to its answer as the peer sees it, all CPU time of the agent
with what it measures, and its resident memory at the most beside what it was before they came.

${table(HEAD, rows)}`;
}

async function row({ name, users, floods }) {
  const directory = mkdtempSync(join(tmpdir(), 'joules-bench-'));
  chmodSync(directory, 0o755);
  const socket = join(directory, 'attach.sock');
  const args = ['agent', '--source', SOURCE, '--socket-dir', directory, '--listen', '127.0.0.1:0'];
  const agent = spawn(process.execPath, [...NODE_FLAGS, JOULES, ...args], { stdio: 'ignore' });
  const crowd = (kind, user, count) => {
    const options = { uid: user, gid: user, stdio: ['pipe', 'pipe', 'inherit'] };
    return spawn(process.execPath, [CROWD, socket, kind, String(count)], options);
  };
  const children = [];
  try {
    await sleep(SETTLE_MS);
    const before = residentMb(agent.pid);
    const fair = Array.from({ length: users }, (_, i) => crowd('fair', FIRST_USER + i, 8));
    const answers = fair.map((one) => text(one.stdout));
    children.push(...fair, ...floods.map((kind, i) => crowd(kind, FIRST_USER + 20 + i, 100)));
    await sleep(2000);
    const since = cpuMs(agent.pid);
    let most = before;
    const end = performance.now() + MEASURE_MS;
    while (performance.now() < end) {
      await sleep(500);
      most = Math.max(most, residentMb(agent.pid));
    }
    const used = (cpuMs(agent.pid) - since) / (MEASURE_MS / 1000);
    for (const one of fair) one.stdin.end();
    const told = (await Promise.all(answers)).map((one) => JSON.parse(one));
    const took = told.flatMap((one) => one.took).toSorted((a, b) => a - b);
    const at = (part) => (took.length === 0 ? '–' : took[Math.floor(took.length * part)].toFixed(2));
    return [name, took.length, at(0.5), at(0.99), used.toFixed(1), (most - before).toFixed(1)];
  } finally {
    for (const child of children) child.kill('SIGKILL');
    agent.kill('SIGTERM');
    await new Promise((resolve) => agent.once('exit', resolve));
    rmSync(directory, { recursive: true, force: true });
  }
}

function residentMb(pid) {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
}

function cpuMs(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
