// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { getSystemErrorName } from 'node:util';
import { EnergyError } from '../model/errors.ts';
import { loadProgram } from '../probe/addon.ts';
import type { LoadName } from '../verify/observation.ts';

/** A load that we started, a process of its own (native/load.cc). It ends when we do, in whatever way. */
export interface Load extends AsyncDisposable {
  /** As our pid namespace has it. */
  readonly pid: number | undefined;
  /** Is busy on these CPUs, and no others. */
  run(cpus: readonly number[]): Promise<void>;
  rest(): Promise<void>;
  /** Pieces of work that it has done so far. */
  work(): Promise<number>;
}

/** Starts a load, which rests. Everything rejects with an EnergyError. */
export function startLoad(name: LoadName): Load {
  const child = spawn(loadProgram(), [name], { stdio: ['pipe', 'pipe', 'ignore'] });
  const waiting: { resolve: (line: string) => void; reject: (error: EnergyError) => void }[] = [];
  let ended: EnergyError | undefined;
  const end = (why: string): void => {
    ended ??= new EnergyError('ELOAD', `the ${name} load ${why}: run it again`);
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  const gone = new Promise<void>((resolve) => {
    child.once('error', ({ message }) => {
      end(`cannot be run (${message})`);
      resolve();
    });
    child.once('close', (code, signal) => {
      end(`was ended by ${signal ?? `itself, with ${code}`}`);
      resolve();
    });
  });
  // Its end tells what is wrong.
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.resolve(line));

  function ask(command: string): Promise<string> {
    if (ended) return Promise.reject(ended);
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin.write(`${command}\n`);
    });
  }

  async function tell(command: string): Promise<void> {
    const error = Number(await ask(command));
    if (error === 0) return;
    const code = getSystemErrorName(-error);
    throw new EnergyError(
      code,
      `the ${name} load cannot ${command} (${code}): run it while CPUs stay online`,
    );
  }

  return {
    pid: child.pid,
    run: (cpus) => tell(`run ${cpus.join()}`),
    rest: () => tell('rest'),
    work: async () => Number(await ask('work')),
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await gone;
    },
  };
}
