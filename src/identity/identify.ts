// SPDX-License-Identifier: Apache-2.0
import { type Cgroup, createCgroupPaths } from './cgroup.ts';
import type { Hierarchy } from './hierarchy.ts';
import { creationTimeOf, isAlive, readExecutable, type ProcessKey } from './procfs.ts';
import { createRecent } from './recent.ts';

/** One row as BPF kept it. */
export interface Subject extends ProcessKey {
  /** Its name when it was last charged: all that is left of a process that ended before it was looked at. */
  readonly comm: string;
  /** Inode number of the cgroup's directory. kernfs counts them up from 1: a double holds them all. */
  readonly cgroupId: number;
}

export interface Identity {
  /** ISO 8601; with the pid it identifies the process. */
  readonly creationTime: string;
  /** File name of its program; `comm` for kernel threads and what had ended before it was looked at. */
  readonly executable: string;
  readonly cgroupPath: string;
  readonly containerId: string | null;
}

export interface Identifier {
  identify(subject: Subject): Identity;
  /** Path and container of a cgroup; `process` is one that was charged in it. */
  cgroup(id: number, process: ProcessKey): Cgroup;
  /** Whether a cgroup's path still is one; true where that cannot be told. */
  readonly cgroupExists: (path: string) => boolean;
  /** To be called after each interval: bounds what is remembered and what is looked up. */
  endInterval(): void;
}

const KEEP_PROCESSES = 8192;

interface Known {
  readonly startNs: number;
  readonly comm: string;
  readonly creationTime: string;
  readonly executable: string;
}

/** Gives rows their names. What was found once is not read again while a process keeps its `comm`. */
export function createIdentifier(options: {
  readonly proc: string;
  readonly hierarchy: Hierarchy;
  readonly bootTimeMs: number;
}): Identifier {
  const { proc, bootTimeMs } = options;
  const cgroups = createCgroupPaths(options);
  const processes = createRecent<number, Known>(KEEP_PROCESSES);

  function name({ pid, startNs, comm }: Subject): Known {
    const program = readExecutable(proc, pid);
    const executable = program !== undefined && isAlive(proc, { pid, startNs }) ? program : comm;
    return { startNs, comm, creationTime: creationTimeOf(startNs, bootTimeMs), executable };
  }

  return {
    identify(subject) {
      let process = processes.get(subject.pid);
      // A process that calls execve(2) becomes another program, and nearly always another name with it.
      if (process?.startNs !== subject.startNs || process.comm !== subject.comm) {
        process = name(subject);
        processes.set(subject.pid, process);
      }
      const { creationTime, executable } = process;
      const { path: cgroupPath, containerId } = cgroups.resolve(subject.cgroupId, subject);
      return { creationTime, executable, cgroupPath, containerId };
    },
    cgroup: cgroups.resolve,
    cgroupExists: (path) => cgroups.exists(path),
    endInterval() {
      processes.endInterval();
      cgroups.endInterval();
    },
  };
}
