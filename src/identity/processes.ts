// SPDX-License-Identifier: Apache-2.0
import { creationTimeOf, type ProcessKey, readExecutable, readStat, startTicks } from '../host/procfs.ts';
import { type Columns, commAt } from '../probe/columns.ts';
import { createGenerationalCache } from '../util/generational-cache.ts';
import { createLifecycle } from './lifecycle.ts';

/** A process that was charged, and the row of the interval's columns that has its name. */
export interface ChargedProcess extends ProcessKey {
  readonly row: number;
}

export interface Process {
  /** ISO 8601; with the pid it identifies the process. */
  readonly creationTime: string;
  /**
   * File name of its program; of kernel threads, and of what began before the meter did and had ended before it was looked
   * at, the kernel's name.
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
  identify(charged: ChargedProcess): Process;
  /** To be called after each interval: bounds what is remembered. */
  endInterval(): void;
}

const KEEP_PROCESSES = 16_384;

type Named = Omit<Process, 'exited'> & { readonly startNs: number; readonly comm: string };

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
}): Processes {
  const { proc, bootTimeMs, hostProc } = options;
  const named = createGenerationalCache<number, Named>(KEEP_PROCESSES);
  const lifecycle = createLifecycle();
  let comms: Columns['rows']['comm'] = Buffer.alloc(0);

  function name(process: ProcessKey, comm: string, known: string | undefined): Named {
    const { pid, startNs } = process;
    const creationTime = creationTimeOf(startNs, bootTimeMs);
    // What the kernel has just told need not be read, and no thread of its own becomes a program.
    if (known !== undefined) return { startNs, comm, creationTime, executable: known, kernel: false };
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
      executable: (alive ? program : undefined) ?? comm,
      kernel: alive && stat.kernelThread,
    };
  }

  return {
    beginInterval({ rows, lifecycle: events }) {
      comms = rows.comm;
      lifecycle.follow(events);
    },
    identify(charged) {
      const { pid, startNs, row } = charged;
      const comm = lifecycle.newNameOf(charged) ?? commAt(comms, row);
      const program = lifecycle.programOf(charged);
      let known = named.get(pid);
      const isKnown = known?.startNs === startNs && known.comm === comm;
      if (!known || !isKnown || (program !== undefined && program !== known.executable)) {
        known = name(charged, comm, program);
        named.set(pid, known);
      }
      const { creationTime, executable, kernel } = known;
      return { creationTime, executable, kernel, exited: lifecycle.hasExited(charged) };
    },
    endInterval: () => named.endInterval(),
  };
}
