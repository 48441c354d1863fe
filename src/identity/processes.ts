// SPDX-License-Identifier: Apache-2.0
import {
  creationTimeOf,
  isAlive,
  type ProcessKey,
  readExecutable,
  readStat,
  startTicks,
} from '../host/procfs.ts';
import { type Columns, commAt, isCommAt } from '../probe/columns.ts';
import { eachInSlices } from '../util/cooperative.ts';
import { createGenerationalCache } from '../util/generational-cache.ts';
import type { CommandLines } from './command-lines.ts';
import { createLifecycle } from './lifecycle.ts';
import { isInterpreter, scriptOf } from './scripts.ts';

/** A process that was charged, and the row of the interval's columns that has its name. */
export interface ChargedProcess extends ProcessKey {
  readonly row: number;
}

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
  beginInterval(columns: Pick<Columns, 'rows' | 'lifecycle'>): void;
  /** Looks for the scripts of interpreters that are charged, where that is wanted; what is identified before has none. */
  prepare(charged: Iterable<ChargedProcess>): Promise<void>;
  identify(charged: ChargedProcess): Process;
  /** To be called after each interval: bounds what is remembered. */
  endInterval(): void;
}

const KEEP_PROCESSES = 16_384;

interface Named extends Omit<Process, 'exited' | 'executable'> {
  readonly startNs: number;
  readonly comm: string;
  /** What `identify` answers while it lives: made once, not in each interval. */
  shown?: Process;
  readonly program: string;
  /** What the program runs; null: it is not told, undefined: it was not looked for. */
  readonly script?: string | null | undefined;
}

/**
 * What was found once is not read again while a process keeps the name (`comm`) that the kernel has for it, and the kernel
 * reports no other program: of what was started before the meter, or with a file name of more than 63 bytes, an exec shows
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
  const named = createGenerationalCache<number, Named>(KEEP_PROCESSES);
  const lifecycle = createLifecycle();
  let comms: Columns['rows']['comm'] = Buffer.alloc(0);

  function name(process: ProcessKey, comm: string, known: string | undefined): Named {
    const { pid, startNs } = process;
    const creationTime = creationTimeOf(startNs, bootTimeMs);
    // What the kernel has just told need not be read, and no thread of its own becomes a program.
    if (known !== undefined) return { startNs, comm, creationTime, program: known, kernel: false };
    // Of what has ended there is nothing to be read, which matters where 10,000 processes a second end.
    const readable = hostProc && !lifecycle.hasExited(process);
    const program = readable ? readExecutable(proc, pid) : undefined;
    // Read after the program: if it still is the same process now, that was its program.
    const stat = readable ? readStat(proc, pid) : undefined;
    const alive = stat?.startTicks === startTicks(startNs, proc);
    return {
      startNs,
      comm,
      creationTime,
      program: (alive ? program : undefined) ?? comm,
      kernel: alive && stat.kernelThread,
    };
  }

  function find(charged: ChargedProcess): Named {
    const { pid, startNs, row } = charged;
    const program = lifecycle.programOf(charged);
    const known = named.get(pid);
    const isSame = known?.startNs === startNs;
    const newName = lifecycle.newNameOf(charged);
    // Mostly nothing has changed, and no string is made.
    if (isSame && newName === undefined && program === undefined && isCommAt(comms, row, known.comm))
      return known;
    const comm = newName ?? commAt(comms, row);
    if (isSame && known.comm === comm && (program ?? known.program) === known.program) return known;
    const found = name(charged, comm, program);
    // It may call itself otherwise, and write over its command line: what it was found to run it still runs.
    const script = isSame && known.program === found.program ? known.script : undefined;
    const itsOwn = { ...found, script };
    named.set(pid, itsOwn);
    return itsOwn;
  }

  async function findScript(charged: ChargedProcess): Promise<void> {
    const args = await commandLines?.read(charged.pid);
    const known = named.get(charged.pid);
    if (!known || known.startNs !== charged.startNs) return;
    // Read after them: if it still is the same process now, they were its.
    const script = args && isAlive(proc, charged) ? scriptOf(known.program, args) : null;
    const { shown: _, ...rest } = known;
    named.set(charged.pid, { ...rest, script });
  }

  return {
    beginInterval({ rows, lifecycle: events }) {
      comms = rows.comm;
      lifecycle.follow(events);
    },
    async prepare(charged) {
      if (!commandLines || !hostProc) return;
      const wanted: ChargedProcess[] = [];
      await eachInSlices(charged, (process) => {
        const { program, script } = find(process);
        if (script === undefined && isInterpreter(program) && !lifecycle.hasExited(process))
          wanted.push(process);
      });
      for (const process of wanted) await findScript(process);
    },
    identify(charged) {
      let known = find(charged);
      // Decided once: a name that changed would move its energy to another series.
      if (known.script === undefined) named.set(charged.pid, (known = { ...known, script: null }));
      known.shown ??= shownAs(known);
      return lifecycle.hasExited(charged) ? { ...known.shown, exited: true } : known.shown;
    },
    endInterval: () => named.endInterval(),
  };
}

function shownAs({ creationTime, program, script, kernel }: Named): Process {
  const executable = script === null || script === undefined ? program : `${program} ${script}`;
  return { creationTime, executable, kernel, exited: false };
}
