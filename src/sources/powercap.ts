// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { isAmd, mayHaveRapl } from '../host/cpuinfo.ts';
import { apportioned, inPackage } from './power.ts';
import type { Counter, PolledSource, Rejection } from '../model/source.ts';
import { listNames, readText } from '../util/files.ts';
import { type HostRoots, zonesOf } from './zones.ts';

/**
 * Kernel: drivers/powercap/intel_rapl_common.c, Documentation/ABI/testing/sysfs-class-powercap. Zones of
 * intel-rapl-mmio count the same packages again.
 */
const ZONE = /^intel-rapl:(\d+)(?::\d+)?$/;
const TOP = /^package-(\d+)(?:-die-(\d+))?$/;

/** Zones within a package. */
const PARTS = { core: 'cores', dram: 'memory', uncore: 'gpu' } as const;

/**
 * The packages' counters in sysfs, or the reason why they cannot be had; those of the packages' cores where the
 * packages hold graphics, too, and both are counted, as `packageSource` does.
 */
export function powercapSource(roots: HostRoots): Omit<PolledSource, 'auxiliary'> | Rejection {
  const name = 'powercap';
  const all = powercapCounters(roots);
  const packages = all.filter(isPackage);
  if (packages.length === 0 && !mayHaveRapl(roots.proc)) {
    const reason = 'only CPUs of Intel, AMD and Hygon have such counters';
    return { name, reason, isAbsent: true, isHopeless: true };
  }
  if (packages.length === 0) {
    const reason = `${classOf(roots.sys)} has no package: it needs the module intel_rapl_msr`;
    return { name, reason, isAbsent: true };
  }
  const cores = all.filter(isCores);
  const graphics = all.filter(({ domain }) => domain === 'gpu');
  const apart = cores.length === packages.length && graphics.length === packages.length;
  const counters = apart ? cores : packages;
  const hidden = counters.find(({ location }) => location.via === 'powercap' && !isReadable(location.path));
  if (hidden)
    return { name, reason: "powercap's energy_uj files may be read by root alone (kernel 5.10 and later)" };
  return apportioned(name, counters);
}

/** What powercap counts beside the CPUs. */
export function powercapDomains(roots: HostRoots): Counter[] {
  return powercapCounters(roots).filter(({ domain }) => domain !== 'cpu');
}

/** The packages' counters of powercap; none where there are none. */
export function powercapPackages(roots: HostRoots): Counter[] {
  return powercapCounters(roots).filter(isPackage);
}

function isPackage({ domain, parent }: Counter): boolean {
  return domain === 'cpu' && parent === undefined;
}

function isCores({ domain, parent }: Counter): boolean {
  return domain === 'cpu' && parent !== undefined;
}

/** All counters of powercap, those of packages without an online CPU left out. */
function powercapCounters(roots: HostRoots): Counter[] {
  const zones = listZones(classOf(roots.sys));
  const amd = isAmd(roots.proc);
  // Each means reading the topology of all CPUs.
  const byDie = [...zones.values()].some(({ top }) => TOP.exec(top.name)?.[2] !== undefined);
  const packages = [...zonesOf('package', roots), ...(byDie ? zonesOf('die', roots) : [])];
  const counters = new Map<string, Counter>();
  // What is there twice is one counter: that of AMD's package once for each die, see `zonesOf`.
  const add = (one: Counter | undefined): void => {
    if (one && !counters.has(one.id)) counters.set(one.id, one);
  };
  for (const [number, { top, parts }] of zones) {
    const [, name, die] = TOP.exec(top.name) ?? [];
    if (top.name.startsWith('psys')) add(counter('host', top, `package:${number}`));
    if (name === undefined) continue;
    const id = die === undefined || amd ? `package:${name}` : `package:${name}:${die}`;
    const zone = packages.find((one) => one.id === id);
    if (!zone) continue;
    add(counter('cpu', top, zone.id, zone.cpus));
    for (const part of parts) {
      const domain = PARTS[part.name as keyof typeof PARTS];
      // On AMD the driver reads the register of one core for `core` (rapl_msr_priv_amd), which is no total of anything.
      if (domain && !(domain === 'cores' && amd)) add(counter(domain, part, zone.id, zone.cpus));
    }
  }
  return [...counters.values()].toSorted((a, b) => (a.cpus[0] ?? 0) - (b.cpus[0] ?? 0));
}

interface Node {
  readonly name: string;
  readonly path: string;
}

/** Top-level zones with those within them, by their number. */
function listZones(directory: string): Map<string, { readonly top: Node; readonly parts: Node[] }> {
  const zones = new Map<string, { top: Node; parts: Node[] }>();
  for (const entry of listNames(directory).toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    const [, number] = ZONE.exec(entry) ?? [];
    if (number === undefined) continue;
    const path = join(directory, entry);
    const node = { name: readText(join(path, 'name')) ?? '', path };
    if (entry === `intel-rapl:${number}`) zones.set(number, { top: node, parts: [] });
    else zones.get(number)?.parts.push(node);
  }
  return zones;
}

function counter(
  domain: Parameters<typeof inPackage>[0],
  { path }: Node,
  packageId: string,
  cpus: readonly number[] = [],
): Counter | undefined {
  const range = readText(join(path, 'max_energy_range_uj'));
  if (range === undefined || !/^\d+$/.test(range)) return undefined;
  const named = inPackage(domain, packageId);
  return {
    ...named,
    maxWatts: Math.min(named.maxWatts, powerLimit(path) ?? Infinity),
    cpus,
    joulesPerCount: 1e-6,
    // The largest value that energy_uj has, 2^32-1 of the hardware's units.
    range: BigInt(range) + 1n,
    location: { via: 'powercap', path: join(path, 'energy_uj') },
  };
}

/** Short peaks go beyond the limits that firmware sets, by far less than this. */
const PEAK = 4;

/** What the zone's largest limit allows, W; undefined where there is none. Firmware writes 0 for unknown. */
function powerLimit(path: string): number | undefined {
  const limits = listNames(path)
    .filter((file) => /^constraint_\d+_(max_power|power_limit)_uw$/.test(file))
    .map((file) => Number(readText(join(path, file))) / 1e6)
    .filter((watts) => watts > 0);
  return limits.length === 0 ? undefined : Math.max(...limits) * PEAK;
}

function classOf(sys: string): string {
  return join(sys, 'class/powercap');
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
