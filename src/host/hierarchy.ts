// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, readText } from '../util/files.ts';

/** The cgroup hierarchy whose cgroups are charged. */
export interface Hierarchy {
  readonly version: 1 | 2;
  /** The v1 controller through which BPF finds a task's cgroup; null for v2. */
  readonly controller: string | null;
  /** The kernel's number of the hierarchy (second column of /proc/cgroups); 0 for v2. */
  readonly id: number;
  /** Directory it is mounted at; null if it is not mounted where this process could see it. */
  readonly mount: string | null;
  /**
   * Cgroup that is seen at `mount`: `/` the root (of our cgroup namespace), `/docker/1f…` a bind mount of
   * a subtree, as in containers of cgroup v1, `/../..` a mount that reaches above our cgroup namespace.
   */
  readonly mountRoot: string;
  /** Whether paths begin at the root of the hierarchy: we are in the first cgroup namespace. */
  readonly atRoot: boolean;
}

/** Inode of the first cgroup namespace: PROC_CGROUP_INIT_INO in include/linux/proc_ns.h. */
const FIRST_CGROUP_NAMESPACE = 0xeffffffb;

/**
 * Controllers that systemd and every container runtime give a cgroup of its own to services and containers.
 * A controller is in one hierarchy only, so the first of them that is in use tells which one that is. `memory`
 * and `pids` are what systemd accounts by default.
 */
const CONTROLLERS = ['memory', 'pids', 'cpu', 'cpuacct', 'devices', 'freezer'];

interface Mount {
  readonly type: string;
  readonly point: string;
  readonly root: string;
  readonly options: readonly string[];
}

/**
 * Finds the hierarchy by what is mounted. `root` is where the host's root directory is, `/` unless the meter
 * runs in a container. Neither kind mounted: v2, to which every task belongs even so.
 */
export function findHierarchy(proc: string, root: string = '/'): Hierarchy {
  const namespace = attempt(() => statSync(join(proc, 'self/ns/cgroup')).ino);
  const atRoot = namespace === FIRST_CGROUP_NAMESPACE;
  const mounts = cgroupMounts(proc, root.replace(/\/+$/, ''));
  const unified = mounts.find(({ type }) => type === 'cgroup2');
  const unifiedControllers = unified ? controllersOf(unified) : [];
  for (const controller of CONTROLLERS) {
    const v1 = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
    if (v1)
      return {
        version: 1,
        controller,
        id: hierarchyId(proc, controller),
        mount: v1.point,
        mountRoot: v1.root,
        atRoot,
      };
    if (unifiedControllers.includes(controller)) break;
  }
  return {
    version: 2,
    controller: null,
    id: 0,
    mount: unified?.point ?? null,
    mountRoot: unified?.root ?? '/',
    atRoot,
  };
}

function hierarchyId(proc: string, controller: string): number {
  const table = readText(join(proc, 'cgroups')) ?? '';
  return Number(new RegExp(`^${controller}\\t(\\d{1,9})\\t`, 'm').exec(table)?.[1] ?? 0);
}

function controllersOf(unified: Mount): string[] {
  return readText(join(unified.point, 'cgroup.controllers'))?.split(' ') ?? [];
}

/** The cgroup mounts that can be reached, those that show most of their hierarchy first. */
function cgroupMounts(proc: string, prefix: string): Mount[] {
  const mountinfo = readText(join(proc, 'self/mountinfo'), 'latin1') ?? '';
  const mounts = mountinfo.split('\n').flatMap(parseMount);
  // In a container that has the host's root below `prefix`, its own mounts say less than the host's there.
  const below = mounts.filter(({ point }) => point.startsWith(`${prefix}/`));
  const seen = below.length > 0 ? below : mounts.map((mount) => ({ ...mount, point: prefix + mount.point }));
  return seen.filter(({ point }) => existsSync(point)).toSorted((a, b) => depth(a.root) - depth(b.root));
}

function depth(root: string): number {
  return root.startsWith('/..') ? -root.length : root.length;
}

/** A line of mountinfo, proc_pid_mountinfo(5): `36 35 0:31 ROOT POINT rw shared:9 - TYPE SOURCE OPTIONS`. */
function parseMount(line: string): Mount[] {
  const match = /^\d+ \d+ [\d:]+ ([^ ]+) (\/[^ ]*) .*? - (cgroup2?) [^ ]* ([^ ]+)$/s.exec(line);
  if (!match) return [];
  const [, root = '', point = '', type = '', options = ''] = match;
  return [{ type, root: unescape(root), point: unescape(point), options: options.split(',') }];
}

/** Undoes the kernel's octal escapes (`\040` for a space). */
function unescape(latin1: string): string {
  const bytes = latin1.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(bytes, 'latin1').toString();
}
