// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Greeting, Reading } from '../../src/attach/protocol.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { printed, type Run, type Running, startJoules } from './joules.ts';
import { describeOnKernel, TSC, waitFor } from './kernel.ts';
import { temporaryDirectory } from './temporary.ts';

const PEER = join(__dirname, 'attach-peer.py');
/** That of the system: another user may run it. */
export const PYTHON = '/usr/bin/python3';

/** A line that a peer shows. */
export type Line = Partial<Greeting> & { readonly [name: string]: unknown } & {
  readonly reading?: Reading;
  readonly error?: Extract<Answer, { error: unknown }>['error'];
};

/** A directory that everybody may look into. */
export function openDirectory(): string {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  return directory;
}

/** A real agent whose sockets are in a directory, once they are there; with flags of Node. */
export async function startAgent(directory: string, flags: readonly string[] = []): Promise<Running> {
  const args = ['agent', '--json', '--source', TSC, '--socket-dir', directory, '--listen', '127.0.0.1:0'];
  const agent = startJoules(args, {}, flags);
  await waitFor('the first interval', () => {
    if (agent.child.exitCode !== null) throw new Error(agent.output().stderr);
    return printed(agent).length > 0 ? true : undefined;
  });
  return agent;
}

/** The words of a command that runs a peer. */
export function peer(socket: string, what: string, ...args: readonly (string | number)[]): string[] {
  return [PYTHON, PEER, socket, what, ...args.map(String)];
}

/** Runs a command to its end. Meanwhile the agent's output is read, of which it would drop lines else. */
export async function run(command: readonly string[]): Promise<Run> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  return { status: child.exitCode, stdout, stderr };
}

/** What a command has shown when it has ended. */
export async function linesOf(command: readonly string[]): Promise<Line[]> {
  const { status, stdout, stderr } = await run(command);
  if (status !== 0) throw new Error(`${command[0]} ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** What an agent itself has printed of a process, between two of its times. */
export function printedOf(
  snapshots: readonly Snapshot[],
  pid: number,
  { since, time }: { readonly since: string; readonly time: string },
): { readonly joules: number; readonly seconds: number } {
  const rows = snapshots
    .filter((one) => one.time > since && one.time <= time)
    .flatMap(({ processes }) => processes.filter((one) => one.pid === pid));
  return {
    joules: rows.reduce((total, { energy_j }) => total + energy_j, 0),
    seconds: rows.reduce((total, { cpu_time_s }) => total + cpu_time_s, 0),
  };
}

/** Why peers cannot be run here; undefined where they can. */
function withoutPeers(): string | undefined {
  if (!existsSync(PYTHON)) return `needs ${PYTHON}`;
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'test', '-r', PEER];
  return spawnSync('setpriv', nobody).status === 0 ? undefined : `another user cannot read ${PEER}`;
}

/** `describeOnKernel` where peers of another user can be run; elsewhere the tests are skipped and say why. */
export const describeWithPeers: jest.Describe = ((title: string, body: () => void) => {
  const why = withoutPeers();
  if (why === undefined) describeOnKernel(title, body);
  else describe.skip(`${title} (skipped: ${why})`, body);
}) as jest.Describe;
