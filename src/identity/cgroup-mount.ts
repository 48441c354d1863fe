// SPDX-License-Identifier: Apache-2.0
import { opendirSync, statSync } from 'node:fs';
import type { Hierarchy } from '../host/hierarchy.ts';
import { attempt } from '../util/files.ts';

/**
 * The directories of the cgroups, as far as they are mounted where we can see them. A cgroup is named by what follows
 * the mount point, '' for the mount point itself. Such names, and paths, are strings of bytes (latin1) here: names of
 * cgroups need not be UTF-8.
 */
export interface CgroupMount {
  /** Whether there is no cgroup beyond those that are mounted. */
  readonly complete: boolean;
  /** The directory of a cgroup by its path, undefined if it is not mounted. It need not exist. */
  below(path: string): string | undefined;
  /** The inverse. Above our cgroup namespace the kernel has no names to give, only `..`, which is left out. */
  path(below: string): string;
  /** Inode number of a directory, which is the cgroup's id; undefined if there is no such directory. */
  inode(below: string): number | undefined;
  /** Whether a directory cannot be looked at: who owns the one above may close it to all who lack CAP_DAC_READ_SEARCH. */
  isHidden(below: string): boolean;
  /** The directories by inode number, nearest to the root first and at most `limit`, in steps. */
  walk(limit: number): Generator<void, ReadonlyMap<number, string>>;
}

export function openCgroupMount({ mount, mountRoot, atRoot }: Hierarchy): CgroupMount {
  const above = mountRoot.startsWith('/..');
  const root = mountRoot === '/' ? '' : toBytes(mountRoot);
  const directory = (below: string): Buffer => Buffer.from(toBytes(mount ?? '') + below, 'latin1');
  return {
    complete: mount !== null && (above || (atRoot && mountRoot === '/')),
    below(path) {
      if (mount === null || !`${path}/`.startsWith(`${root}/`)) return undefined;
      const below = path.slice(root.length);
      if (below === '/') return '';
      return /^\/\.\.(\/|$)/.test(below) ? undefined : below;
    },
    path: (below) => (above ? '' : root) + below || '/',
    inode: (below) => attempt(() => statSync(directory(below)).ino),
    isHidden(below) {
      try {
        statSync(directory(below));
        return false;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'EACCES';
      }
    },
    *walk(limit) {
      const found = new Map<number, string>();
      const queue = mount === null ? [] : [''];
      for (const below of queue) {
        const path = directory(below);
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
    },
  };
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

/** A string of the bytes that a text has in UTF-8. */
export function toBytes(text: string): string {
  return Buffer.from(text).toString('latin1');
}

/** The inverse, as far as they are UTF-8. */
export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}
