// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { follow, type Problem } from '../../src/attach/client.ts';
import { openDirectory, printedOf, startAgent, describeWithPeers } from '../support/attached.ts';
import { printed, type Running } from '../support/joules.ts';
import { waitFor } from '../support/kernel.ts';
import { asNobody } from '../support/privileges.ts';

const GREETING = {
  schema: 'joules.attach/1',
  agent: { id: 'a', version: '0', started: '2026-01-01T00:00:00.000Z' },
  boot: 'b',
  pid: 7,
  min_age_ms: 1000,
  interval_ms: 500,
  scopes: ['self'],
};

/** What listens on `path` and answers connections as `answer` does, until it is closed. */
async function listening(path: string, answer: (socket: Socket, index: number) => void): Promise<Server> {
  let count = 0;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    answer(socket, count++);
  });
  const begun = once(server, 'listening');
  server.listen(path);
  await begun;
  return server;
}

describe('whoever follows an agent', () => {
  /** Follows until `enough` problems or readings are there. */
  async function problems(path: string, enough: number, staleMs = 60_000): Promise<Problem[]> {
    const told: Problem[] = [];
    const following = follow({ path, staleMs, onProblem: (problem) => told.push(problem) });
    await waitFor('the problems', () => (told.length >= enough ? true : undefined));
    // It tries again, and tells nothing twice.
    await sleep(1500);
    following.close();
    return told;
  }

  it('is told once that there is no socket, or that nobody listens', async () => {
    const directory = openDirectory();
    const path = join(directory, 'attach.sock');
    expect(await problems(path, 1)).toEqual([
      {
        code: 'no_socket',
        message: expect.stringMatching(/attach\.sock is not there: start `joules agent`/),
      },
    ]);
    const child = spawn(process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log())`,
    ]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect((await problems(path, 1)).map(({ code }) => code)).toEqual(['agent_gone']);
  });

  it('is told once of another version, and of what is no agent', async () => {
    const lines = [
      JSON.stringify({ ...GREETING, schema: 'joules.attach/2' }),
      'HTTP/1.1 400 Bad Request',
      '{}',
      'null',
      'x'.repeat(70_000),
    ];
    const told = await Promise.all(
      lines.map(async (line) => {
        const path = join(openDirectory(), 'other.sock');
        const server = await listening(path, (socket) => socket.write(`${line}\n`));
        const ofOne = await problems(path, 1);
        server.close();
        return ofOne.map(({ code }) => code);
      }),
    );
    expect(told).toEqual(lines.map(() => ['version_unknown']));
  });

  it('is told why the agent refuses, and comes again', async () => {
    const path = join(openDirectory(), 'busy.sock');
    const error = { code: 'busy', message: 'there are 64 connections already' };
    const server = await listening(path, (socket, index) => {
      if (index === 0) socket.end(`${JSON.stringify({ schema: GREETING.schema, error })}\n`);
      else socket.write(`${JSON.stringify(GREETING)}\n`);
    });
    expect(await problems(path, 2, 1000)).toEqual([
      { code: 'busy', message: 'the agent refuses: there are 64 connections already' },
      { code: 'stale', message: 'the agent has told nothing new for 1.5 s: see its log' },
    ]);
    server.close();
  });

  it('of a container asks for the process alone where it is in none', async () => {
    const path = join(openDirectory(), 'self.sock');
    const asked: string[] = [];
    const server = await listening(path, (socket) => {
      socket.write(`${JSON.stringify(GREETING)}\n`);
      socket.on('data', (data) => {
        const { id, scope } = JSON.parse(data.toString()) as { id: number; scope: string };
        asked.push(scope);
        const error = { code: 'no_container', message: '' };
        if (scope === 'container') socket.write(`${JSON.stringify({ id, error })}\n`);
      });
    });
    const following = follow({ path, scope: 'container' });
    await waitFor('both requests', () => (asked.length > 1 ? true : undefined));
    following.close();
    server.close();
    expect(asked).toEqual(['container', 'self']);
  });
});

/** A line of the application below. */
interface Line {
  readonly pid: number;
  readonly points: readonly { readonly value: number; readonly start: string; readonly endMs: number }[];
  readonly errors: readonly string[];
  readonly attributes: Record<string, unknown>;
}

/** An application of another user, which uses energy and exports it twice a second. */
function application(directory: string): {
  lines: () => Line[];
  stderr: () => string;
  end: () => Promise<void>;
} {
  const script = `
    const { EnergyMetricProducer } = require(${JSON.stringify(join(__dirname, '../..'))});
    const energy = new EnergyMetricProducer({ socketDirectory: ${JSON.stringify(directory)} });
    process.on('SIGTERM', () => process.exit(0));
    (async () => {
      for (;;) {
        for (const end = Date.now() + 100; Date.now() < end; );
        await new Promise((resolve) => setTimeout(resolve, 400));
        const { resourceMetrics, errors } = await energy.collect();
        const metrics = resourceMetrics.scopeMetrics.flatMap((one) => one.metrics);
        const own = metrics.find((one) => one.descriptor.name === 'process.energy');
        const points = own ? own.dataPoints.map(({ value, startTime, endTime: [s, ns] }) =>
          ({ value, start: startTime.join('.'), endMs: Math.round(s * 1000 + ns / 1e6) })) : [];
        console.log(JSON.stringify({
          pid: process.pid, points, errors: errors.map((one) => one.code), attributes: own?.dataPoints[0]?.attributes,
        }));
      }
    })();`;
  const child = spawn('setpriv', [...asNobody(), process.execPath, '-e', script]);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const exited = once(child, 'exit');
  return {
    lines: () =>
      stdout
        .slice(0, stdout.lastIndexOf('\n') + 1)
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Line),
    stderr: () => stderr,
    async end() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

jest.setTimeout(600_000);

describeWithPeers('an application without privilege beside an agent', () => {
  it('exports what the agent has found that it used, and goes on with a new start time when the agent is started again', async () => {
    const directory = openDirectory();
    const app = application(directory);
    const agents: Running[] = [];
    const valueNow = (): Line['points'][number] | undefined => app.lines().at(-1)?.points[0];
    try {
      agents.push(await startAgent(directory));
      const before = await waitFor('some energy', () => {
        const { value = 0 } = valueNow() ?? {};
        return value > 1 ? valueNow() : undefined;
      });
      // It keeps its socket: as when it is killed.
      const [first] = agents;
      await first!.stop('SIGKILL');
      agents.push(await startAgent(directory));
      const after = await waitFor('energy of the other agent', () => {
        const now = valueNow();
        return now && now.start !== before.start && now.value > 0.5 ? now : undefined;
      });
      expect(Number(after.start)).toBeGreaterThan(Number(before.start));
      const { pid, attributes } = app.lines().at(-1)!;
      expect(attributes).toEqual({
        'process.executable.name': 'node',
        'hw.type': 'cpu',
        'energy.source.kind': 'measured',
      });
      const lines = app.lines();
      const time = (ms: number): string => new Date(ms).toISOString();
      await waitFor('what the agent has printed', () =>
        printed(agents[1]!).some((one) => one.time >= time(lines.at(-1)!.points[0]!.endMs))
          ? true
          : undefined,
      );
      agents.forEach((agent, index) => {
        const start = index === 0 ? before.start : after.start;
        // The one that was killed may have told an interval that it had not printed.
        const lastMs = Date.parse(printed(agent).at(-1)!.time);
        const isIts = (one: Line['points'][number]): boolean => one.start === start && one.endMs <= lastMs;
        const exported = lines.flatMap(({ points }) => points.filter(isIts));
        const begin = exported[0]!;
        const until = exported.at(-1)!;
        expect(until.value).toBeGreaterThan(begin.value);
        for (const { value, endMs } of exported) {
          const found = printedOf(printed(agent), pid, { since: time(begin.endMs), time: time(endMs) });
          expect(Math.abs(value - begin.value - found.joules)).toBeLessThanOrEqual(1e-6 * until.value);
        }
        // Nothing that was before it was attached, and nothing twice.
        const all = printedOf(printed(agent), pid, { since: '', time: time(until.endMs) });
        expect(until.value).toBeLessThanOrEqual(all.joules * (1 + 1e-6));
      });
      // That the agent ended is told once.
      expect(lines.flatMap(({ errors }) => errors).filter((code) => code === 'EAGENT_GONE')).toHaveLength(1);
    } finally {
      await app.end();
      for (const agent of agents) await agent.stop('SIGKILL');
    }
  });

  it('is told why once where it may not open the socket', async () => {
    const directory = openDirectory();
    const path = join(directory, 'attach.sock');
    writeFileSync(path, '');
    const server = await listening(join(directory, 'other.sock'), () => {});
    chmodSync(directory, 0o700);
    const app = application(directory);
    await waitFor('two collections', () => (app.lines().length > 1 ? true : undefined));
    await app.end();
    server.close();
    expect(app.stderr().match(/EnergyWarning/g)).toHaveLength(1);
    expect(app.stderr()).toMatch(/nor by the agent: .*attach\.sock may not be opened \(EACCES\)/);
    expect(app.lines().flatMap(({ points }) => points)).toEqual([]);
  });
});
