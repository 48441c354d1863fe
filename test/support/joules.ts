// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../../src/model/snapshot.ts';

/** The command as a user runs it. */
export const JOULES = join(__dirname, '../../bin/joules');

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The flags of Node that it runs with for long. */
export function nodeFlags(): readonly string[] {
  return /flags='(.*)'/.exec(readFileSync(JOULES, 'utf8'))![1]!.split(' ');
}

/** Without what the caller's own environment says about exporters. */
function environment(variables: Record<string, string>): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_'));
  return { ...Object.fromEntries(clean), ...variables };
}

/** Runs `joules ARGS…` to its end. */
export function joules(args: readonly string[], variables: Record<string, string> = {}): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [JOULES, ...args], {
    encoding: 'utf8',
    env: environment(variables),
    maxBuffer: 2 ** 28,
    timeout: 300_000,
    killSignal: 'SIGKILL',
  });
  return { status, stdout, stderr };
}

/** A running `joules ARGS…`. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it has printed so far. */
  readonly output: () => { stdout: string; stderr: string };
  /** Resolves with the exit status when it has ended and all its output is there. */
  readonly ended: Promise<number | null>;
  /** Sends a signal and resolves with the exit status and how long that took. */
  readonly stop: (signal: NodeJS.Signals) => Promise<{ status: number | null; ms: number }>;
}

/** `flags`: those of Node; by default it has none of those of bin/joules. */
export function startJoules(
  args: readonly string[],
  variables: Record<string, string> = {},
  flags: readonly string[] = [],
): Running {
  const child = spawn(process.execPath, [...flags, JOULES, ...args], { env: environment(variables) });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  // Asked for at once: what has ended tells so only once.
  const exited = once(child, 'exit');
  const ended = once(child, 'close').then(() => child.exitCode);
  const stop: Running['stop'] = async (signal) => {
    const since = performance.now();
    child.kill(signal);
    const status = await ended;
    return { status, ms: performance.now() - since };
  };
  return {
    child,
    output: () => ({ stdout, stderr }),
    ended,
    stop,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      // A command that it has started may keep its output open.
      await exited;
    },
  };
}

/** The snapshots that it has printed so far: of the last line there may be a part. */
export function printed({ output }: Running): Snapshot[] {
  const { stdout } = output();
  const end = stdout.lastIndexOf('\n');
  return end < 0 ? [] : snapshots(stdout.slice(0, end));
}

/** The snapshots of `joules top --json`. */
export function snapshots(stdout: string): Snapshot[] {
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Snapshot);
}
