// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryDirectory } from './temporary.ts';

const ROOT = join(__dirname, '../..');

/** J since it began: of the package itself, and by pid of each load. */
export interface PackageTruth {
  readonly static: number;
  readonly loads: Readonly<Record<string, number>>;
}

/** A package's counter whose truth is known (test/native/package_counter.cc), and the loads that draw from it. */
export interface PackageCounter extends AsyncDisposable {
  /** The file that has it, in µJ. */
  readonly path: string;
  /** By the load's name. */
  readonly pids: ReadonlyMap<string, number>;
  truth(): Promise<PackageTruth>;
  /** From here on it stands still. */
  stop(): void;
}

/** `loads`: `NAME:WATTS:CPU[:ON_US:OFF_US]`. */
export async function startPackageCounter(
  loads: readonly string[],
  { periodUs = 1000, watts = 10 } = {},
): Promise<PackageCounter> {
  const directory = temporaryDirectory();
  const program = join(directory, 'package_counter');
  execFileSync('g++', ['-O1', '-std=c++17', 'test/native/package_counter.cc', '-o', program], { cwd: ROOT });
  const path = join(directory, 'energy_uj');
  const child = spawn(program, [path, `${periodUs}`, `${watts}`, ...loads], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => (await lines.next()).value as string;
  const pids = new Map<string, number>();
  for (const _ of loads) {
    const [pid, name] = (await line()).split(' ');
    pids.set(name!, Number(pid));
  }
  return {
    path,
    pids,
    async truth() {
      child.stdin.write('\n');
      return JSON.parse(await line()) as PackageTruth;
    },
    stop: () => void child.kill('SIGSTOP'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGCONT');
      child.stdin.end();
      await exited;
    },
  };
}
