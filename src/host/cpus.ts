// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnergyError } from '../model/errors.ts';

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

/** A CPU's own files; `siblings` is undefined where it has none. */
export interface Topology {
  readonly cpu: number;
  readonly package: string;
  readonly core: string;
  /** All threads of its core, itself included. */
  readonly siblings: string | undefined;
}

/** A CPU that goes or comes is for a moment; what is so for longer is how this machine's sysfs is. */
const MOST_READS = 5;

/** Online physical cores, in the order of their first CPU. A CPU without topology files is a core of its own. */
export function onlineCores(sys: string): Core[] {
  for (let reads = 1; ; reads++) {
    const topologies = onlineCpus(sys).map((cpu) => topologyOf(cpu, sys));
    if (reads === MOST_READS || isSettled(topologies)) return coresOf(topologies);
  }
}

/**
 * Whether all was read while the same CPUs were online. The files of a CPU go with it, and it leaves the lists of its
 * siblings; the list of CPUs may be the same before and after, since it may be back by then.
 */
export function isSettled(topologies: readonly Topology[]): boolean {
  const lists = new Map(topologies.map(({ cpu, siblings }) => [cpu, siblings]));
  const known = topologies.filter(({ siblings }) => siblings !== undefined);
  if (known.length === 0) return true;
  const agree = ({ siblings }: Topology): boolean =>
    parseCpuList(siblings!).every((cpu) => !lists.has(cpu) || lists.get(cpu) === siblings);
  return known.length === topologies.length && known.every(agree);
}

function topologyOf(cpu: number, sys: string): Topology {
  const read = (name: string): string | undefined =>
    readText(join(sys, `devices/system/cpu/cpu${cpu}/topology`, name));
  return {
    cpu,
    package: read('physical_package_id') ?? '0',
    core: read('core_id') ?? `${cpu}`,
    siblings: read('core_cpus_list') ?? read('thread_siblings_list'),
  };
}

function coresOf(topologies: readonly Topology[]): Core[] {
  const cores = new Map<string, { id: string; package: string; cpus: number[] }>();
  const ids = new Set<string>();
  for (const { cpu, package: pkg, core: number, siblings = `${cpu}` } of topologies) {
    let core = cores.get(siblings);
    if (!core) {
      // core_id repeats across the dies of a package; ids must not repeat on a host.
      const id = `${pkg}:${number}`;
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
