// SPDX-License-Identifier: Apache-2.0
import type { Hierarchy } from '../host/hierarchy.ts';
import { isAlive, type ProcessKey, readAtOnce } from '../host/procfs.ts';
import type { Container } from '../model/container.ts';
import type { Owner } from '../model/owner.ts';
import { UNKNOWN } from '../model/snapshot.ts';
import { atOnce, inSlices } from '../util/cooperative.ts';
import { attempt } from '../util/files.ts';
import { createGenerationalCache } from '../util/generational-cache.ts';
import { type CgroupMount, fromBytes, openCgroupMount, toBytes } from './cgroup-mount.ts';
import { containerOf, unitOf } from './container.ts';
import { ownerOf } from './owner.ts';

/** Directories one walk looks at: some tens of ms in slices, once per interval at most. */
const WALK_LIMIT = 10_000;
const KEEP_CGROUPS = 4096;

export interface Cgroup extends Container {
  /** Path from the root of the hierarchy, `/` for the root itself. May hold any character but a newline. */
  readonly path: string;
  /** The systemd unit it is in, see `unitOf`. */
  readonly unit: string | null;
  readonly owner: Owner | null;
}

/** A cgroup by its id, and a process that was charged in it. */
export interface ChargedCgroup {
  readonly id: number;
  readonly process: ProcessKey;
}

/**
 * Turns cgroup ids into paths. The id BPF reads (kernfs_node.id) is the inode number of the cgroup's
 * directory in v1 and v2 alike and not reused until reboot, so that what was found once stays true, also of
 * a removed cgroup.
 */
export class CgroupPaths {
  readonly #proc: string;
  readonly #controller: string | null;
  readonly #atRoot: boolean;
  readonly #hostProc: boolean;
  readonly #walkLimit: number;
  readonly #mount: CgroupMount;
  readonly #known = createGenerationalCache<number, Cgroup>(KEEP_CGROUPS);
  /** What this interval's walk has found, by id; undefined until there was one. */
  #walked: ReadonlyMap<number, string> | undefined;
  /** What was looked for in vain in this interval, and will be in the next one. */
  readonly #missing = new Map<number, Cgroup>();

  constructor(options: {
    readonly proc: string;
    readonly hierarchy: Hierarchy;
    readonly hostProc?: boolean;
    readonly walkLimit?: number;
  }) {
    const { proc, hierarchy, hostProc = true, walkLimit = WALK_LIMIT } = options;
    this.#proc = proc;
    this.#controller = hierarchy.controller;
    this.#atRoot = hierarchy.atRoot;
    this.#hostProc = hostProc;
    this.#walkLimit = walkLimit;
    this.#mount = openCgroupMount(hierarchy);
  }

  /** Looks ahead for what will be asked for, without holding up the event loop. */
  prepare(charged: readonly ChargedCgroup[]): Promise<void> {
    return inSlices(this.#preparing(charged));
  }

  /** Path of the cgroup whose directory has this inode number; `process` is one that was charged in it. */
  resolve(id: number, process: ProcessKey): Cgroup {
    const cached = this.#known.get(id) ?? this.#missing.get(id);
    if (cached) return cached;
    const bytes = this.#find({ id, process });
    const cgroup = describeCgroup(bytes === undefined ? UNKNOWN : fromBytes(bytes));
    (bytes !== undefined || this.#isGone ? this.#known : this.#missing).set(id, cgroup);
    return cgroup;
  }

  /** A new cgroup, as the kernel named it when it was made: spares looking for it. */
  learn(id: number, path: string): void {
    // The kernel names it from the root of the hierarchy, which from within a cgroup namespace has other names.
    if (this.#atRoot) this.#known.set(id, describeCgroup(path));
  }

  /** Whether a path that was resolved still is a cgroup; true where that cannot be told. */
  exists(path: string): boolean {
    // Bytes that are no UTF-8 cannot be had back from the path.
    if (path.includes('\ufffd')) return true;
    const below = this.#mount.below(toBytes(path));
    if (below === undefined) return true;
    return this.#mount.inode(below) !== undefined || this.#mount.isHidden(below);
  }

  endInterval(): void {
    this.#walked = undefined;
    this.#missing.clear();
    this.#known.endInterval();
  }

  *#preparing(charged: readonly ChargedCgroup[]): Generator<void, void> {
    for (const cgroup of charged) {
      yield;
      if (this.#known.get(cgroup.id)) continue;
      const { below } = this.#ask(cgroup.process);
      if (below === undefined || this.#mount.inode(below) !== cgroup.id) {
        this.#walked ??= yield* this.#mount.walk(this.#walkLimit);
      }
      this.resolve(cgroup.id, cgroup.process);
    }
  }

  #find({ id, process }: ChargedCgroup): string | undefined {
    const { path, below } = this.#ask(process);
    // The process may have moved, or be another by now: only the inode number proves the path.
    if (below !== undefined && this.#mount.inode(below) === id) return this.#mount.path(below);
    this.#walked ??= atOnce(this.#mount.walk(this.#walkLimit));
    const found = this.#walked.get(id);
    if (found !== undefined) return this.#mount.path(found);
    // What is not mounted here, or hidden, cannot be proved: believe the kernel about a process that is the one meant.
    const isOutOfSight = below === undefined || this.#mount.isHidden(below);
    return isOutOfSight && isAlive(this.#proc, process) ? path : undefined;
  }

  /**
   * Whether what was not found is no more: ids are not used again, so what a whole walk after its charge has not found
   * never comes. Where a part of the hierarchy is not mounted, another process may yet tell.
   */
  get #isGone(): boolean {
    return this.#mount.complete && this.#walked !== undefined && this.#walked.size < this.#walkLimit;
  }

  /** Path of the cgroup a process says it is in, and its directory if that is mounted. */
  #ask({ pid }: ProcessKey): { path?: string | undefined; below?: string | undefined } {
    const path = this.#hostProc ? readCgroup(this.#proc, pid, this.#controller) : undefined;
    return { path, below: path === undefined ? undefined : this.#mount.below(path) };
  }
}

function describeCgroup(path: string): Cgroup {
  return { path, ...containerOf(path), unit: unitOf(path), owner: ownerOf(path) };
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
