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
import { createLifecycle } from './lifecycle.ts';
import { isInterpreter, scriptOf } from './scripts.ts';
import { UnchangedProcesses } from './unchanged-processes.ts';

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

interface Named extends ProcessKey, Omit<Process, 'exited' | 'executable'> {
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
  /** By the processes' numbers, which others may have had before. */
  const named: (Named | undefined)[] = [];
  const names = createGenerationalCache<string, string>(KEEP_NAMES);
  const unchanged = new UnchangedProcesses();
  const lifecycle = createLifecycle();
  let charged: Columns['processes'] = NOBODY;

  /** The same string for the same name: thousands of processes may have it, and series are found by it. */
  function oneOf(text: string): string {
    const known = names.get(text);
    if (known === undefined) names.set(text, text);
    return known ?? text;
  }

  function name(process: ProcessKey, comm: string, known: string | undefined): Named {
    const { pid, startNs } = process;
    const creationTime = creationTimeOf(startNs, bootTimeMs);
    // What the kernel has just told need not be read, and no thread of its own becomes a program.
    if (known !== undefined)
      return { pid, startNs, comm, creationTime, program: oneOf(known), kernel: false };
    // Of what has ended there is nothing to be read, which matters where 10,000 processes a second end.
    const readable = hostProc && !lifecycle.hasExited(process);
    const program = readable ? readExecutable(proc, pid) : undefined;
    // Read after the program: if it still is the same process now, that was its program.
    const stat = readable ? readStat(proc, pid) : undefined;
    const alive = stat?.startTicks === startTicks(startNs, proc);
    return {
      pid,
      startNs,
      comm,
      creationTime,
      program: oneOf((alive ? program : undefined) ?? comm),
      kernel: alive && stat.kernelThread,
    };
  }

  function keyOf(index: number): ProcessKey {
    return { pid: charged.pid[index]!, startNs: charged.startNs[index]! };
  }

  function find(index: number): Named {
    const process = keyOf(index);
    const number = charged.number[index]!;
    const known = named[number];
    const isSame = known !== undefined && known.startNs === process.startNs && known.pid === process.pid;
    const program = lifecycle.programOf(process);
    const newName = lifecycle.newNameOf(process);
    const comm = newName ?? commAt(charged.comm, index);
    if (isSame && known.comm === comm && (program ?? known.program) === known.program) return known;
    const found = name(process, oneOf(comm), program);
    // It may call itself otherwise, and write over its command line: what it was found to run it still runs.
    const script = isSame && known.program === found.program ? known.script : undefined;
    return (named[number] = { ...found, script });
  }

  async function findScript(index: number): Promise<void> {
    const process = keyOf(index);
    const args = await commandLines?.read(process.pid);
    const { shown: _, ...known } = find(index);
    // Read after them: if it still is the same process now, they were its.
    const script = args && isAlive(proc, process) ? scriptOf(known.program, args) : null;
    named[charged.number[index]!] = { ...known, script };
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
        if (!lifecycle.hasNewsOf(charged.pid[index]!) && unchanged.find(charged, index)) return;
        const { program, script } = find(index);
        if (script === undefined && isInterpreter(program) && !lifecycle.hasExited(keyOf(index)))
          wanted.push(index);
      };
      await inSlices(stepping(charged.pid.length, consider));
      for (const index of wanted) await findScript(index);
    },
    identify(index) {
      const hasNews = lifecycle.hasNewsOf(charged.pid[index]!);
      const same = hasNews ? undefined : unchanged.find(charged, index);
      if (same) return same;
      let known = find(index);
      // Decided once: a name that changed would move its energy to another series.
      if (known.script === undefined) named[charged.number[index]!] = known = { ...known, script: null };
      known.shown ??= shownAs(known);
      if (!hasNews) unchanged.set(charged, index, known.shown);
      return hasNews && lifecycle.hasExited(known) ? { ...known.shown, exited: true } : known.shown;
    },
    endInterval: () => names.endInterval(),
  };
}

function shownAs({ creationTime, program, script, kernel }: Named): Process {
  const executable = script === null || script === undefined ? program : `${program} ${script}`;
  return { creationTime, executable, kernel, exited: false };
}
