// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import { readText } from '../util/files.ts';
import { systemError } from '../util/system-error.ts';
import { CoreIds, type Topology } from './core-ids.ts';

/** A physical core: `id` is package:core as in the snapshot (see CoreIds), `cpus` its hardware threads. */
export interface Core {
  readonly id: string;
  readonly package: string;
  readonly cpus: readonly number[];
}

/** A core with those of its threads that are online. */
export interface OnlineCore extends Core {
  /** The kernel's `die_id`; 0 where it has none. */
  readonly die: string;
}

/** No kernel has more CPUs: the largest CONFIG_NR_CPUS, arch/x86/Kconfig. */
const MAX_CPUS = 8192;

/**
 * Parses the kernel's list format (`0-3,8,10-11`), as in /sys/devices/system/cpu/online and PMU cpumasks; what no
 * kernel can mean is left out. Source of the format: Documentation/admin-guide/cputopology.rst.
 */
export function parseCpuList(text: string): number[] {
  const cpus = new Set<number>();
  for (const range of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (!match) continue;
    const last = Math.min(Number(match[2] ?? match[1]), MAX_CPUS - 1);
    for (let cpu = Number(match[1]); cpu <= last; cpu++) cpus.add(cpu);
  }
  return [...cpus];
}

/** CPUs, ascending, in the kernel's list format. */
export function listCpus(cpus: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const cpu of cpus.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range && cpu === range[1] + 1) range[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** The threads of a CPU's core as the kernel lists them, also those that `online` does not name; none where unknown. */
export function siblingsOf(cpu: number, sys: string): number[] {
  return parseCpuList(topologyOf(cpu, sys).siblings ?? '');
}

/**
 * Online CPUs of the machine whose sysfs is mounted at `sys`, ascending.
 * @throws EnergyError where it is not mounted, or cannot be read.
 */
export function onlineCpus(sys: string): number[] {
  const path = join(sys, 'devices/system/cpu/online');
  const advice = `mount sysfs at ${sys}, or give another --root`;
  let list: string;
  try {
    list = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw systemError(`read ${path}`, error, advice);
    throw new EnergyError('ESYSFS', `${path} is not there: ${advice}`, EXIT_UNABLE, { cause: error });
  }
  return parseCpuList(list);
}

/** A CPU that goes or comes is for a moment; what is so for longer is how this machine's sysfs is. */
const MOST_READS = 5;

/** Online physical cores, in the order of their first CPU. A CPU without topology files is a core of its own. */
export function onlineCores(sys: string): OnlineCore[] {
  for (let reads = 1; ; reads++) {
    const topologies = onlineCpus(sys).map((cpu) => topologyOf(cpu, sys));
    if (reads === MOST_READS || isSettled(topologies)) return coresOf(topologies, sys);
  }
}

/**
 * Whether all was read while the same CPUs were online. The files of a CPU go with it, and before that all that they say
 * (its list names nobody, its numbers are 0), and it leaves the lists of its siblings; the list of CPUs may be the same
 * before and after, since it may be back by then.
 */
export function isSettled(topologies: readonly Topology[]): boolean {
  const lists = new Map(topologies.map(({ cpu, siblings }) => [cpu, siblings]));
  const known = topologies.filter(({ siblings }) => siblings !== undefined);
  if (known.length === 0) return true;
  const agree = ({ cpu: own, siblings }: Topology): boolean => {
    const cpus = parseCpuList(siblings!);
    return cpus.includes(own) && cpus.every((cpu) => !lists.has(cpu) || lists.get(cpu) === siblings);
  };
  return known.length === topologies.length && known.every(agree);
}

function topologyOf(cpu: number, sys: string): Topology {
  const read = (name: string): string | undefined =>
    readText(join(sys, `devices/system/cpu/cpu${cpu}/topology`, name));
  return {
    cpu,
    package: read('physical_package_id') ?? '0',
    die: read('die_id') ?? '0',
    cluster: read('cluster_id') ?? '0',
    core: read('core_id') ?? `${cpu}`,
    siblings: read('core_cpus_list') ?? read('thread_siblings_list'),
  };
}

/** By machine (where its sysfs is mounted): whoever asks, and whenever, a core has one id. */
const idsOf = new Map<string, CoreIds>();

function coresOf(topologies: readonly Topology[], sys: string): OnlineCore[] {
  const cores = new Map<string, Topology[]>();
  for (const topology of topologies) {
    const { siblings = `${topology.cpu}` } = topology;
    const core = cores.get(siblings);
    if (core) core.push(topology);
    else cores.set(siblings, [topology]);
  }
  const threads = [...cores.values()];
  const ids = idsOf.get(sys) ?? new CoreIds();
  idsOf.set(sys, ids);
  const names = ids.of(threads);
  // Of a CPU that comes or goes the lists disagree longer than we look: its core is known from before.
  const found = new Map<string, OnlineCore>();
  for (const [i, cpus] of threads.entries()) {
    const [id, { package: name, die }] = [names[i]!, cpus[0]!];
    const others = found.get(id)?.cpus ?? [];
    found.set(id, { id, package: name, die, cpus: [...others, ...cpus.map(({ cpu }) => cpu)] });
  }
  return [...found.values()];
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
    all.set(core.id, { id: core.id, package: core.package, cpus: [...cpus].toSorted((a, b) => a - b) });
  }
  return [...all.values()];
}
