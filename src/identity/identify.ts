// SPDX-License-Identifier: Apache-2.0
import { type Cgroup, type ChargedCgroup, createCgroupPaths } from './cgroup.ts';
import type { Hierarchy } from '../host/hierarchy.ts';
import { creationTimeOf, isAlive, readExecutable, type ProcessKey } from '../host/procfs.ts';
import { createRecent } from '../util/generational-cache.ts';

/** One row as BPF kept it. */
export interface Subject extends ProcessKey {
  /** Its name when it was last charged: all that is left of a process that ended before it was looked at. */
  readonly comm: string;
  /** Inode number of the cgroup's directory. kernfs counts them up from 1: a double holds them all. */
  readonly cgroup: number;
}

export interface Identity {
  /** ISO 8601; with the pid it identifies the process. */
  readonly creationTime: string;
  /** File name of its program; `comm` for kernel threads and what had ended before it was looked at. */
  readonly executable: string;
  readonly cgroup: Cgroup;
}

export interface Identifier {
  /** To be called before those of an interval are asked for: looks for their cgroups in slices of time. */
  prepare(charged: readonly ChargedCgroup[]): Promise<void>;
  identify(subject: Subject): Identity;
  /** Path, container and unit of a cgroup; `process` is one that was charged in it. */
  cgroup(id: number, process: ProcessKey): Cgroup;
  /** A new cgroup, as the kernel named it when it was made. */
  readonly learnCgroup: (id: number, path: string) => void;
  /** Whether a cgroup's path still is one; true where that cannot be told. */
  readonly cgroupExists: (path: string) => boolean;
  /** To be called after each interval: bounds what is remembered and what is looked up. */
  endInterval(): void;
}

const KEEP_PROCESSES = 16_384;

interface Known extends Identity {
  readonly startNs: number;
  readonly comm: string;
  cgroup: Cgroup;
}

/** Gives rows their names. What was found once is not read again while a process keeps its `comm`. */
export function createIdentifier(options: {
  readonly proc: string;
  readonly hierarchy: Hierarchy;
  readonly bootTimeMs: number;
  /** Whether `proc` shows the processes of the first pid namespace, which rows name; default true. */
  readonly hostProc?: boolean;
}): Identifier {
  const { proc, bootTimeMs, hostProc = true } = options;
  const cgroups = createCgroupPaths(options);
  const processes = createRecent<number, Known>(KEEP_PROCESSES);

  function name({ pid, startNs, comm }: Subject, cgroup: Cgroup): Known {
    const program = hostProc ? readExecutable(proc, pid) : undefined;
    const executable = program !== undefined && isAlive(proc, { pid, startNs }) ? program : comm;
    return { startNs, comm, creationTime: creationTimeOf(startNs, bootTimeMs), executable, cgroup };
  }

  return {
    prepare: (charged) => cgroups.prepare(charged),
    identify(subject) {
      const cgroup = cgroups.resolve(subject.cgroup, subject);
      let process = processes.get(subject.pid);
      // A process that calls execve(2) becomes another program, and nearly always another name with it.
      if (process?.startNs !== subject.startNs || process.comm !== subject.comm) {
        process = name(subject, cgroup);
        processes.set(subject.pid, process);
      }
      process.cgroup = cgroup;
      return process;
    },
    cgroup: cgroups.resolve,
    learnCgroup: (id, path) => cgroups.learn(id, path),
    cgroupExists: (path) => cgroups.exists(path),
    endInterval() {
      processes.endInterval();
      cgroups.endInterval();
    },
  };
}
