// SPDX-License-Identifier: Apache-2.0
import {
  creationTimeOf,
  isAlive,
  type ProcessKey,
  readExecutable,
  readStat,
  startTicks,
} from '../host/procfs.ts';
import { type Columns, commAt } from '../probe/columns.ts';
import { inSlices, stepping } from '../util/cooperative.ts';
import { createGenerationalCache } from '../util/generational-cache.ts';
import type { CommandLines } from './command-lines.ts';
import { KnownProcesses } from './known-processes.ts';
import { createLifecycle } from './lifecycle.ts';
import { isInterpreter, scriptOf } from './scripts.ts';

export interface Process {
  /** ISO 8601; with the pid it identifies the process. */
  readonly creationTime: string;
  /**
   * File name of its program, and what that runs where it is an interpreter and that is wanted; of kernel threads, and of
   * what began before the meter did and had ended before it was looked at, the kernel's name.
   */
  readonly executable: string;
  /** Whether it is a thread of the kernel. What ended before it was looked at is not known to be one. */
  readonly kernel: boolean;
  /** Whether it has ended. It may still be charged for some intervals. */
  readonly exited: boolean;
}

/** Who processes are: the one place where their names are decided, and where it is known who has ended. */
export interface Processes {
  /** Takes in an interval, before its processes are asked for. */
  beginInterval(columns: Pick<Columns, 'processes' | 'lifecycle'>): void;
  /** Looks for the scripts of interpreters that are charged, where that is wanted; what is identified before has none. */
  prepare(): Promise<void>;
  /** Who the process of this index in the interval's columns is. */
  identify(index: number): Process;
  /** To be called after each interval: bounds what is remembered. */
  endInterval(): void;
}

const NOBODY: Columns['processes'] = {
  number: new Uint32Array(0),
  pid: new Uint32Array(0),
  startNs: new Float64Array(0),
  cgroup: new Uint32Array(0),
  comm: Buffer.alloc(0),
};

/** Names of programs that stay known, however long ago there was one. */
const KEEP_NAMES = 4096;

/** A process that lives, and what its name was made of. */
interface Named extends Process {
  readonly comm: string;
  readonly program: string;
  /** What the program runs; null: it is not told, undefined: it was not looked for. */
  readonly script: string | null | undefined;
}

/**
 * What was found once is not read again while a process keeps the name (`comm`) that the kernel has for it, and the kernel
 * reports no other program: of what was started before the meter, or with a file name of more than 58 bytes, an exec shows
 * by that name alone.
 */
export function createProcesses(options: {
  readonly proc: string;
  readonly bootTimeMs: number;
  /** Whether `proc` shows the processes of the first pid namespace, which rows name. */
  readonly hostProc: boolean;
  /** Reads what interpreters run; without it their scripts are not told. */
  readonly commandLines?: CommandLines | undefined;
}): Processes {
  const { proc, bootTimeMs, hostProc, commandLines } = options;
  const known = new KnownProcesses<Named>();
  const names = createGenerationalCache<string, string>(KEEP_NAMES);
  const lifecycle = createLifecycle();
  let charged: Columns['processes'] = NOBODY;

  /** The same string for the same name: thousands of processes may have it, and series are found by it. */
  function oneOf(text: string): string {
    const former = names.get(text);
    if (former === undefined) names.set(text, text);
    return former ?? text;
  }

  function programOf(process: ProcessKey, comm: string): Pick<Named, 'program' | 'kernel'> {
    const { pid, startNs } = process;
    // Of what has ended there is nothing to be read, which matters where 10,000 processes a second end.
    const readable = hostProc && !lifecycle.hasExited(process);
    const program = readable ? readExecutable(proc, pid) : undefined;
    // Read after the program: if it still is the same process now, that was its program.
    const stat = readable ? readStat(proc, pid) : undefined;
    const alive = stat?.startTicks === startTicks(startNs, proc);
    return { program: (alive ? program : undefined) ?? comm, kernel: alive && stat.kernelThread };
  }

  function keyOf(index: number): ProcessKey {
    return { pid: charged.pid[index]!, startNs: charged.startNs[index]! };
  }

  /** What was found before, if nothing tells otherwise. */
  function unchanged(index: number): Named | undefined {
    return lifecycle.hasNewsOf(charged.pid[index]!) ? undefined : known.findUnchanged(charged, index);
  }

  function find(index: number): Named {
    const process = keyOf(index);
    const former = known.find(charged, index);
    const told = lifecycle.programOf(process);
    const comm = oneOf(lifecycle.newNameOf(process) ?? commAt(charged.comm, index));
    if (former?.comm === comm && (told ?? former.program) === former.program) return former;
    // What the kernel has just told need not be read, and no thread of its own becomes a program.
    const found = told === undefined ? programOf(process, comm) : { program: told, kernel: false };
    const { kernel } = found;
    const program = oneOf(found.program);
    // It may call itself otherwise, and write over its command line: what it was found to run it still runs.
    const script = former?.program === program ? former.script : undefined;
    const creationTime = creationTimeOf(process.startNs, bootTimeMs);
    return keep(index, { creationTime, kernel, exited: false, comm, program, script });
  }

  function keep(index: number, process: Omit<Named, 'executable'>): Named {
    const { program, script } = process;
    const executable = script === null || script === undefined ? program : oneOf(`${program} ${script}`);
    const named = { ...process, executable };
    known.set(charged, index, named);
    return named;
  }

  async function findScript(index: number): Promise<void> {
    const process = keyOf(index);
    const args = await commandLines?.read(process.pid);
    const named = find(index);
    // Read after them: if it still is the same process now, they were its.
    const script = args && isAlive(proc, process) ? scriptOf(named.program, args) : null;
    keep(index, { ...named, script });
  }

  return {
    beginInterval({ processes, lifecycle: events }) {
      charged = processes;
      lifecycle.follow(events);
    },
    async prepare() {
      if (!commandLines || !hostProc) return;
      const wanted: number[] = [];
      const consider = (index: number): void => {
        const { program, script } = unchanged(index) ?? find(index);
        if (script === undefined && isInterpreter(program) && !lifecycle.hasExited(keyOf(index)))
          wanted.push(index);
      };
      await inSlices(stepping(charged.pid.length, consider));
      for (const index of wanted) await findScript(index);
    },
    identify(index) {
      const same = unchanged(index);
      if (same) return same;
      const found = find(index);
      // Decided once: a name that changed would move its energy to another series.
      const decided = found.script === undefined ? { ...found, script: null } : found;
      known.set(charged, index, decided);
      return lifecycle.hasExited(keyOf(index)) ? { ...decided, exited: true } : decided;
    },
    endInterval: () => names.endInterval(),
  };
}
