// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JOULES, joules } from '../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../support/kernel.ts';

let directory: string;
beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'joules-test-'))));
afterAll(() => rmSync(directory, { recursive: true }));

const FULL = openSync('/dev/full', 'w');

/** Runs it with its stdout on a disk that is full. */
function intoFull(...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(process.execPath, [JOULES, ...args], {
    stdio: ['ignore', FULL, 'pipe'],
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  });
  return { status, stderr };
}

function isJson(line: string): boolean {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
}

describe('a stdout that takes nothing', () => {
  it('ends help with a sentence', () => {
    const { status, stderr } = intoFull('--help');
    expect(stderr).toMatch(/^joules: cannot write to stdout \(ENOSPC\): free some space[^\n]*\n$/);
    expect(status).toBe(1);
  });
});

describeOnKernel('where output goes', () => {
  it.each([
    ['top', '--source', TSC],
    ['top', '--json', '--source', TSC],
    ['doctor', '--source', TSC],
    ['doctor', '--json', '--source', TSC],
  ])('a full disk ends %s %s with a sentence', (...args) => {
    const { status, stderr } = intoFull(...args);
    expect(stderr).toMatch(/^joules: cannot write to stdout \(ENOSPC\): free some space[^\n]*\n$/);
    expect(status).toBe(1);
  });

  it('a full disk costs the agent its lines, which it says once, and no metrics', async () => {
    const agent = spawn(process.execPath, [JOULES, 'agent', '--json', '--source', TSC, '--interval', '0.1'], {
      stdio: ['ignore', FULL, 'pipe'],
      env: { ...process.env, OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' },
    });
    try {
      let stderr = '';
      agent.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const url = await waitFor('the endpoint', () => /http:\S+/.exec(stderr)?.[0]);
      await waitFor('the first line', () => (stderr.includes('ENOSPC') ? true : undefined));
      const switches = async (): Promise<number> => {
        const page = await (await fetch(url)).text();
        return Number(/^energy_agent_switches\S* ([\d.e+]+)/m.exec(page)?.[1] ?? 0);
      };
      const first = await switches();
      for (let now = first; now <= first; now = await switches()) await new Promise(setImmediate);
      agent.kill('SIGTERM');
      const [status] = (await once(agent, 'close')) as [number];
      expect(status).toBe(0);
      expect(stderr.match(/cannot write to stdout \(ENOSPC\)[^\n]*/g)).toEqual([
        'cannot write to stdout (ENOSPC): free some space, or write elsewhere; its lines are lost until then',
      ]);
    } finally {
      agent.kill('SIGKILL');
    }
  });

  it('a disk that is full for a while costs the agent the lines that found no room, and breaks no other', async () => {
    // Another file system would need a mount; a file that may grow no further fails in the same way, amid a line.
    const log = join(directory, 'log');
    const file = openSync(log, 'w');
    const agent = spawn(
      'prlimit',
      ['--fsize=100000:', process.execPath, JOULES, 'agent', '--json', '--source', TSC, '--interval', '0.1'],
      { stdio: ['ignore', file, 'pipe'], env: { ...process.env, OTEL_METRICS_EXPORTER: 'none' } },
    );
    closeSync(file);
    try {
      let stderr = '';
      agent.stderr!.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      await waitFor('the full disk', () =>
        stderr.includes('cannot write to stdout (EFBIG)') ? true : undefined,
      );
      execFileSync('prlimit', [`--pid=${agent.pid}`, '--fsize=unlimited:']);
      const lines = (): string[] => readFileSync(log, 'utf8').split('\n').slice(0, -1);
      const before = lines().length;
      expect(before).toBeGreaterThan(0);
      const all = await waitFor('more lines', () => (lines().length > before + 3 ? lines() : undefined));
      const broken = all.filter((line) => !isJson(line));
      // The one that was cut off, and not joined to it the next one.
      expect(broken.length).toBeLessThanOrEqual(1);
      for (const line of broken) expect(line.split('"schema"')).toHaveLength(2);
      expect(all.length - broken.length).toBeGreaterThan(before);
      expect(stderr.match(/cannot write to stdout/g)).toHaveLength(1);
    } finally {
      agent.kill('SIGKILL');
    }
  });

  it('a reader of its lines who stops costs the agent lines, which it says once, and nobody else a metric', async () => {
    const agent = spawn(
      process.execPath,
      [JOULES, 'agent', '--json', '--source', TSC, '--interval', '0.02', '--socket-dir', 'none'],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, OTEL_METRICS_EXPORTER: 'prometheus', OTEL_EXPORTER_PROMETHEUS_PORT: '0' },
      },
    );
    try {
      let stderr = '';
      agent.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
      const url = await waitFor('the endpoint', () => /http:\S+/.exec(stderr)?.[0]);
      await waitFor('the first lost line', () => (stderr.includes('nobody reads stdout') ? true : undefined));
      const switches = async (): Promise<number> => {
        const page = await (await fetch(url)).text();
        return Number(/^energy_agent_switches\S* ([\d.e+]+)/m.exec(page)?.[1] ?? 0);
      };
      const first = await switches();
      for (let now = first; now <= first; now = await switches()) await new Promise(setImmediate);
      expect(stderr.match(/nobody reads stdout/g)).toHaveLength(1);
      let stdout = '';
      agent.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
      const lost = await waitFor(
        'the reader to be noticed',
        () => /read again: (\d+) lines?/.exec(stderr)?.[1],
      );
      expect(Number(lost)).toBeGreaterThan(0);
      const before = stdout.length;
      await waitFor('more lines', () => (stdout.length > before ? true : undefined));
      agent.kill('SIGTERM');
      const [status] = (await once(agent, 'close')) as [number];
      expect(status).toBe(0);
      expect(
        stdout
          .split('\n')
          .slice(0, -1)
          .filter((line) => !isJson(line)),
      ).toEqual([]);
    } finally {
      agent.kill('SIGKILL');
    }
  });

  it('a FIFO that nobody reads is refused before the command runs', () => {
    const fifo = join(directory, 'unread');
    execFileSync('mkfifo', [fifo]);
    const marker = join(directory, 'ran');
    const run = joules(['stat', '--source', TSC, '--output', fifo, '--', 'touch', marker]);
    expect(run.stderr).toMatch(/^joules: cannot write --output \S+ \(ENXIO\): nobody reads it[^\n]*\n$/);
    expect(run.status).toBe(2);
    expect(existsSync(marker)).toBe(false);
  });

  it('a FIFO with a reader gets the result', () => {
    const fifo = join(directory, 'read');
    execFileSync('mkfifo', [fifo]);
    // Open for both ends: it has a reader, and does not end before there is something.
    const held = openSync(fifo, 'r+');
    const run = joules(['stat', '--source', TSC, '--output', fifo, '--', 'true']);
    const received = Buffer.alloc(65_536);
    const length = readSync(held, received);
    closeSync(held);
    expect(run.status).toBe(0);
    expect(JSON.parse(received.toString('utf8', 0, length))).toMatchObject({
      schema: 'joules.stat/1',
      exit_code: 0,
    });
  });

  it('an output that is full does not cost the result: it is on stderr', () => {
    const run = joules(['stat', '--source', TSC, '--output', '/dev/full', '--', 'true']);
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(/cannot write the result to --output \(ENOSPC\): it follows\n\{"schema"/);
  });
});
