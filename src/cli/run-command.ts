// SPDX-License-Identifier: Apache-2.0
import { startCommand } from '../probe/addon.ts';
import { readText } from '../util/files.ts';

const PASSED = ['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'] as const;
/** By these whoever sends them wants all of it to end. */
const ENDING: ReadonlySet<NodeJS.Signals> = new Set(['SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGHUP']);

/** How a command ended. */
export interface Ended {
  /** What a shell has as `$?`. */
  readonly exitCode: number;
  /** The signal that asked for the end meanwhile, whatever the command made of it. */
  readonly interrupted: NodeJS.Signals | undefined;
}

/**
 * Runs a command with our stdin, stdout and stderr, and passes signals on to it. Rejects with an EnergyError if it
 * cannot be started.
 */
export async function runCommand(command: readonly string[]): Promise<Ended> {
  let pid: number | undefined;
  let interrupted: NodeJS.Signals | undefined;
  const pass = (signal: NodeJS.Signals): void => {
    if (ENDING.has(signal)) interrupted ??= signal;
    // A terminal sends these two to the command as well.
    if (pid === undefined || ((signal === 'SIGINT' || signal === 'SIGQUIT') && isForeground())) return;
    try {
      process.kill(pid, signal);
    } catch {
      // It has just ended.
    }
  };
  // Before the command is there: one that comes in between would end us alone. They are delivered when it is.
  for (const signal of PASSED) process.on(signal, pass);
  try {
    const started = startCommand(command);
    pid = started.pid;
    const { status, signal } = await started.exited;
    return { exitCode: signal > 0 ? 128 + signal : status, interrupted };
  } finally {
    for (const one of PASSED) process.off(one, pass);
  }
}

/** Whether our process group is that of the terminal: fields 5 and 8 of /proc/self/stat, proc(5). */
function isForeground(): boolean {
  const line = readText('/proc/self/stat');
  if (line === undefined) return false;
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return fields[5 - 3] === fields[8 - 3];
}
