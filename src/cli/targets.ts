// SPDX-License-Identifier: Apache-2.0
// What runs already and `joules stat` is to measure. All are looked for before anything is opened.
import { join } from 'node:path';
import { sumUsed, type Used } from '../attribution/used.ts';
import { findHierarchy } from '../host/hierarchy.ts';
import { type ProcessStat, readStat, startTicks } from '../host/procfs.ts';
import { type CgroupMount, fromBytes, openCgroupMount, toBytes } from '../identity/cgroup-mount.ts';
import { containerOf, isNamedByUser } from '../identity/container.ts';
import { familyOf } from '../identity/descendants.ts';
import { usageError } from '../model/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { atOnce } from '../util/cooperative.ts';
import { listNames } from '../util/files.ts';
import { shown } from '../settings/kinds.ts';
import type { Running } from './stat-request.ts';
import { type Subject, subjectOf } from './tally.ts';

/** Something that runs. */
export interface Target {
  /** In words, for people. */
  readonly name: string;
  /** As results have it, ids in full. */
  readonly running: Running;
  /** Begins to follow it; to be called when an interval has just ended. */
  follow(): Subject;
  isThere(): boolean;
}

/** Finds what is meant, where the host's /proc and /sys are below `root`. @throws usageError where there is none. */
export function findTarget(running: Running, root: string): Target {
  const proc = join(root, 'proc');
  if ('pids' in running) return processes(running.pids, proc);
  const hierarchy = findHierarchy(proc, root);
  if (hierarchy.mount === null)
    throw usageError('no cgroups are mounted: mount them (mount -t cgroup2 none /sys/fs/cgroup)');
  const mount = openCgroupMount(hierarchy);
  if ('cgroup' in running) return oneCgroup(running.cgroup, mount, hierarchy.mount);
  return oneContainer(running.container, mount);
}

function processes(pids: readonly number[], proc: string): Target {
  /** When each began, in ticks: a pid that is used again is another process. */
  const begun = new Map(pids.map((pid) => [pid, startOf(pid, proc)]));
  const unique = [...begun.keys()];
  return {
    name: `${unique.length > 1 ? 'processes' : 'process'} ${unique.join(', ')}`,
    running: { pids: unique },
    follow() {
      const alive = withDescendants(begun, proc);
      const family = familyOf({
        has: (pid, startNs) => alive.has(pid) && alive.get(pid) === startTicks(startNs, proc),
        size: alive.size,
      });
      return subjectOf(family);
    },
    isThere: () => [...begun].some(([pid, start]) => isRunning(readStat(proc, pid), start)),
  };
}

function startOf(pid: number, proc: string): number {
  const stat = readStat(proc, pid);
  if (!stat) throw usageError(`there is no process ${pid}: it may have ended, see ps -e`);
  return stat.startTicks;
}

function isRunning(stat: ProcessStat | undefined, start: number): boolean {
  return stat?.startTicks === start && !stat.zombie;
}

/** These and what descends from them now, by pid with the start in ticks. */
function withDescendants(begun: ReadonlyMap<number, number>, proc: string): ReadonlyMap<number, number> {
  const all = new Map<number, ProcessStat>();
  for (const name of listNames(proc)) {
    const stat = /^\d+$/.test(name) ? readStat(proc, Number(name)) : undefined;
    if (stat) all.set(Number(name), stat);
  }
  const found = new Map([...begun].filter(([pid, start]) => all.get(pid)?.startTicks === start));
  // A map that grows while it is gone through: each of the new ones comes, too.
  for (const [parent] of found)
    for (const [pid, stat] of all) if (stat.parentPid === parent) found.set(pid, stat.startTicks);
  return found;
}

function oneCgroup(given: string, mount: CgroupMount, mountPoint: string): Target {
  const parts = given.split('/').filter((part) => part !== '' && part !== '.');
  const named = `/${parts.join('/')}`;
  const isBelow = named === mountPoint || named.startsWith(`${mountPoint}/`);
  const path = isBelow ? fromBytes(mount.path(toBytes(named.slice(mountPoint.length)))) : named;
  // Nothing is ever charged to /a/../b, which is there, and /../b is beyond our cgroup namespace.
  if (parts.includes('..') || !exists(path, mount)) {
    const advice = `name it as joules top --by cgroup does, or as a directory below ${mountPoint}`;
    throw usageError(`there is no cgroup ${shown(given)}: ${advice}`);
  }
  return cgroups(`cgroup ${path}`, { cgroup: path }, [path], mount);
}

/** As many cgroups are looked at as the meter itself does. */
const WALK_LIMIT = 10_000;
const SHOWN_IDS = 3;

function oneContainer(prefix: string, mount: CgroupMount): Target {
  const found = new Map<string, string[]>();
  for (const below of atOnce(mount.walk(WALK_LIMIT)).values()) {
    const path = fromBytes(mount.path(below));
    const { containerId } = containerOf(path);
    if (containerId?.startsWith(prefix)) found.set(containerId, [...(found.get(containerId) ?? []), path]);
  }
  const ids = [...found.keys()].toSorted();
  const [id] = found.has(prefix) ? [prefix] : ids;
  if (id === undefined) {
    const advice = 'see joules top --by container for those that use energy';
    throw usageError(`there is no container whose id begins with ${shown(prefix)}: ${advice}`);
  }
  if (ids.length > 1 && id !== prefix) {
    const some = ids.slice(0, SHOWN_IDS).join(', ') + (ids.length > SHOWN_IDS ? ', …' : '');
    throw usageError(`${ids.length} containers begin with ${shown(prefix)}: say more of one of ${some}`);
  }
  // Users make cgroups as they like, with the name of another's container, too.
  const paths = found.get(id)!;
  const ofRuntimes = paths.filter((path) => !isNamedByUser(path));
  return cgroups(`container ${id}`, { container: id }, ofRuntimes.length > 0 ? ofRuntimes : paths, mount);
}

/** Cgroups with all that is below them. */
function cgroups(name: string, running: Running, paths: readonly string[], mount: CgroupMount): Target {
  const tops = paths.map((path) => (path === '/' ? '/' : `${path}/`));
  const isInside = (path: string): boolean => tops.some((top) => `${path}/`.startsWith(top));
  return {
    name,
    running,
    follow() {
      const seen = new Set<string>();
      return {
        usedIn({ snapshot }) {
          const ours = snapshot.processes.flatMap((one) =>
            one.pid !== null && isInside(one.cgroup) ? one : [],
          );
          for (const { pid, creation_time } of ours) seen.add(`${pid}:${creation_time}`);
          return { ...usedBy(snapshot, isInside), uncertainJoules: errorOf(ours) };
        },
        get size() {
          return seen.size;
        },
      };
    },
    isThere: () => paths.some((path) => exists(path, mount)),
  };
}

function exists(path: string, mount: CgroupMount): boolean {
  const below = mount.below(toBytes(path));
  return below !== undefined && (mount.inode(below) !== undefined || mount.isHidden(below));
}

function usedBy(
  { cgroups: rows }: Snapshot,
  isInside: (path: string) => boolean,
): Pick<Used, 'joules' | 'seconds'> {
  const inside = rows.filter(({ path }) => isInside(path));
  return sumUsed(
    inside.map(({ energy_j, cpu_time_s }) => ({ joules: energy_j, uncertainJoules: 0, seconds: cpu_time_s })),
  );
}

/** Rows of cgroups have no error; those of the processes in them do. */
function errorOf(ours: readonly { readonly energy_err_j: number | null }[]): number | null {
  return sumUsed(ours.map(({ energy_err_j }) => ({ joules: 0, uncertainJoules: energy_err_j, seconds: 0 })))
    .uncertainJoules;
}
