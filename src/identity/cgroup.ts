// SPDX-License-Identifier: Apache-2.0
import { opendirSync, statSync } from 'node:fs';
import type { Container } from '../model/container.ts';
import { containerOf, unitOf } from './container.ts';
import { atOnce, inSlices } from '../util/cooperative.ts';
import { UNKNOWN } from '../model/snapshot.ts';
import type { Hierarchy } from '../host/hierarchy.ts';
import { isAlive, type ProcessKey, readAtOnce } from '../host/procfs.ts';
import { attempt } from '../util/files.ts';
import { createRecent } from '../util/generational-cache.ts';

/** Directories one walk looks at: some tens of ms in slices, once per interval at most. */
const WALK_LIMIT = 10_000;
const KEEP_CGROUPS = 4096;

export interface Cgroup extends Container {
  /** Path from the root of the hierarchy, `/` for the root itself. May hold any character but a newline. */
  readonly path: string;
  /** The systemd unit it is in, see `unitOf`. */
  readonly unit: string | null;
}

/** A cgroup by its id, and a process that was charged in it. */
export interface ChargedCgroup {
  readonly id: number;
  readonly process: ProcessKey;
}

export interface CgroupPaths {
  /** Looks ahead for what will be asked for, without holding up the event loop. */
  readonly prepare: (charged: readonly ChargedCgroup[]) => Promise<void>;
  /** Path of the cgroup whose directory has this inode number; `process` is one that was charged in it. */
  readonly resolve: (id: number, process: ProcessKey) => Cgroup;
  /** A new cgroup, as the kernel named it when it was made: spares looking for it. */
  readonly learn: (id: number, path: string) => void;
  /** Whether a path that was resolved still is a cgroup; true where that cannot be told. */
  readonly exists: (path: string) => boolean;
  readonly endInterval: () => void;
}

/**
 * Turns cgroup ids into paths. The id BPF reads (kernfs_node.id) is the inode number of the cgroup's
 * directory in v1 and v2 alike and not reused until reboot, so that what was found once stays true, also of
 * a removed cgroup.
 *
 * Inside, paths are strings of bytes (latin1): names of cgroups need not be UTF-8. They are decoded on the
 * way out.
 */
export function createCgroupPaths(options: {
  readonly proc: string;
  readonly hierarchy: Hierarchy;
  readonly hostProc?: boolean;
  readonly walkLimit?: number;
}): CgroupPaths {
  const { proc, hierarchy, hostProc = true, walkLimit = WALK_LIMIT } = options;
  const known = createRecent<number, Cgroup>(KEEP_CGROUPS);
  let walked: ReadonlyMap<number, string> | undefined;

  /** Path of the cgroup a process says it is in, below the mount point if it is there. */
  function ask({ pid }: ProcessKey): { path?: string | undefined; below?: string | undefined } {
    const path = hostProc ? readCgroup(proc, pid, hierarchy.controller) : undefined;
    return { path, below: path === undefined ? undefined : belowMount(hierarchy, path) };
  }

  function find({ id, process }: ChargedCgroup): string | undefined {
    const { path, below } = ask(process);
    // The process may have moved, or be another by now: only the inode number proves the path.
    if (below !== undefined && inode(hierarchy, below) === id) return cgroupPath(hierarchy, below);
    walked ??= atOnce(walk(hierarchy, walkLimit));
    const found = walked.get(id);
    if (found !== undefined) return cgroupPath(hierarchy, found);
    // What is not mounted here cannot be proved: believe the kernel about a process that is the one meant.
    return below === undefined && isAlive(proc, process) ? path : undefined;
  }

  function resolve(id: number, process: ProcessKey): Cgroup {
    const cached = known.get(id);
    if (cached) return cached;
    const bytes = find({ id, process });
    const path = bytes === undefined ? UNKNOWN : Buffer.from(bytes, 'latin1').toString();
    const cgroup = describeCgroup(path);
    // What a whole walk after its charge has not found never comes: ids are not used again.
    const gone = walked !== undefined && walked.size < walkLimit;
    if (bytes !== undefined || gone) known.set(id, cgroup);
    return cgroup;
  }

  function* preparing(charged: readonly ChargedCgroup[]): Generator<void, void> {
    for (const cgroup of charged) {
      yield;
      if (known.get(cgroup.id)) continue;
      const { below } = ask(cgroup.process);
      if (below === undefined || inode(hierarchy, below) !== cgroup.id) {
        // Once for all: what it does not find is not there.
        walked ??= yield* walk(hierarchy, walkLimit);
      }
      resolve(cgroup.id, cgroup.process);
    }
  }

  return {
    prepare: (charged) => inSlices(preparing(charged)),
    resolve,
    learn(id, path) {
      // The kernel names it from the root of the hierarchy, which from within a cgroup namespace has other names.
      if (hierarchy.atRoot) known.set(id, describeCgroup(path));
    },
    exists(path) {
      // Bytes that are no UTF-8 cannot be had back from the path.
      if (path.includes('\ufffd')) return true;
      const below = belowMount(hierarchy, path === '/' ? '/' : toBytes(path));
      return below === undefined || inode(hierarchy, below) !== undefined;
    },
    endInterval() {
      walked = undefined;
      known.endInterval();
    },
  };
}

function describeCgroup(path: string): Cgroup {
  return { path, ...containerOf(path), unit: unitOf(path) };
}

/** Cgroup of a live process from lines like `4:memory:/a`, `7:cpu,cpuacct:/a` or, for v2, `0::/a`. */
function readCgroup(proc: string, pid: number, controller: string | null): string | undefined {
  const text = attempt(() => readAtOnce(`${proc}/${pid}/cgroup`)) ?? '';
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/s.exec(line) ?? [];
    if (!controllers?.split(',').includes(controller ?? '')) continue;
    // With v2 the kernel marks the cgroup of a zombie that was removed: no part of its name.
    return controller === null ? path?.replace(/ \(deleted\)$/, '') : path;
  }
  return undefined;
}

/** What follows the mount point in the directory of a cgroup, '' for itself; undefined if not mounted. */
function belowMount({ mount, mountRoot }: Hierarchy, path: string): string | undefined {
  const prefix = mountRoot === '/' ? '' : toBytes(mountRoot);
  if (mount === null || !`${path}/`.startsWith(`${prefix}/`)) return undefined;
  const below = path.slice(prefix.length);
  if (below === '/') return '';
  return /^\/\.\.(\/|$)/.test(below) ? undefined : below;
}

/** The inverse. Above our cgroup namespace the kernel has no names to give, only `..`, which is left out. */
function cgroupPath({ mountRoot }: Hierarchy, below: string): string {
  const prefix = mountRoot === '/' || mountRoot.startsWith('/..') ? '' : toBytes(mountRoot);
  return prefix + below || '/';
}

function directory({ mount }: Hierarchy, below: string): Buffer {
  return Buffer.from(toBytes(mount ?? '') + below, 'latin1');
}

function inode(hierarchy: Hierarchy, below: string): number | undefined {
  return attempt(() => statSync(directory(hierarchy, below)).ino);
}

/** What follows the mount point, by inode number; nearest to the root first. */
function* walk(hierarchy: Hierarchy, limit: number): Generator<void, ReadonlyMap<number, string>> {
  const found = new Map<number, string>();
  const queue = hierarchy.mount === null ? [] : [''];
  for (const below of queue) {
    const path = directory(hierarchy, below);
    const stat = attempt(() => statSync(path));
    yield;
    if (!stat) continue;
    found.set(stat.ino, below);
    // kernfs counts links as 2 + subdirectories: spares reading the leaves, which are most of them.
    if (stat.nlink === 2) continue;
    for (const name of subdirectories(path)) {
      if (queue.length >= limit) break;
      queue.push(`${below}/${name}`);
      yield;
    }
  }
  return found;
}

/** Names of the directories in one, entry by entry: there may be thousands. */
function* subdirectories(path: Buffer): Generator<string> {
  // The declared type leaves out the bytes that a path may be given as.
  const opened = attempt(() => opendirSync(path as unknown as string, { encoding: 'latin1' }));
  if (!opened) return;
  try {
    for (let entry; (entry = attempt(() => opened.readSync()));) if (entry.isDirectory()) yield entry.name;
  } finally {
    opened.closeSync();
  }
}

function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}
