// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnergyError } from './errors.ts';

/** A physical core: `id` is package:core as in the snapshot, `cpus` its hardware threads. */
export interface Core {
  readonly id: string;
  readonly package: string;
  readonly cpus: readonly number[];
}

/**
 * Parses the kernel's list format (`0-3,8,10-11`), as in /sys/devices/system/cpu/online and PMU cpumasks.
 * Source of the format: Documentation/admin-guide/cputopology.rst.
 */
export function parseCpuList(text: string): number[] {
  const cpus: number[] = [];
  for (const range of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (!match) continue;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    for (let cpu = first; cpu <= last; cpu++) cpus.push(cpu);
  }
  return cpus;
}

/**
 * Online CPUs of the machine whose sysfs is mounted at `sys`, ascending.
 * @throws EnergyError where it is not mounted.
 */
export function onlineCpus(sys: string): number[] {
  const path = join(sys, 'devices/system/cpu/online');
  const list = readText(path);
  if (list === undefined) {
    throw new EnergyError('ESYSFS', `${path} cannot be read: mount sysfs at ${sys}, or give another --root`);
  }
  return parseCpuList(list);
}

/** Online physical cores, in the order of their first CPU. A CPU without topology files is a core of its own. */
export function onlineCores(sys: string): Core[] {
  for (;;) {
    const online = onlineCpus(sys);
    const cores = coresOf(online, sys);
    // The files of a CPU go with it: what was read while it went would make it a core of its own.
    if (onlineCpus(sys).join() === online.join()) return cores;
  }
}

function coresOf(online: readonly number[], sys: string): Core[] {
  const cores = new Map<string, { id: string; package: string; cpus: number[] }>();
  const ids = new Set<string>();
  for (const cpu of online) {
    const topology = join(sys, `devices/system/cpu/cpu${cpu}/topology`);
    const pkg = readText(join(topology, 'physical_package_id')) ?? '0';
    const siblings =
      readText(join(topology, 'core_cpus_list')) ??
      readText(join(topology, 'thread_siblings_list')) ??
      `${cpu}`;
    let core = cores.get(siblings);
    if (!core) {
      // core_id repeats across the dies of a package; ids must not repeat on a host.
      const id = `${pkg}:${readText(join(topology, 'core_id')) ?? cpu}`;
      core = { id: ids.has(id) ? `${id}:${cpu}` : id, package: pkg, cpus: [] };
      ids.add(core.id);
      cores.set(siblings, core);
    }
    core.cpus.push(cpu);
  }
  return [...cores.values()];
}

/**
 * `onlineCores` with all CPUs they have had so far, because what a CPU did before it went is told after that.
 * Reads the topology again only when other CPUs are online than the last time.
 */
export function coreReader(sys: string): () => readonly Core[] {
  let online = '';
  let cores: readonly Core[] = [];
  return () => {
    const now = onlineCpus(sys).join();
    if (now !== online) {
      const found = onlineCores(sys);
      cores = mergedCores(cores, found);
      online = now;
    }
    return cores;
  };
}

function mergedCores(before: readonly Core[], found: readonly Core[]): Core[] {
  const all = new Map(before.map((core) => [core.id, core]));
  for (const core of found) {
    const cpus = new Set([...(all.get(core.id)?.cpus ?? []), ...core.cpus]);
    all.set(core.id, { ...core, cpus: [...cpus].toSorted((a, b) => a - b) });
  }
  return [...all.values()];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
