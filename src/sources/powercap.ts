// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { inPackage, type Rejection } from './power.ts';
import type { Counter, Domain, PolledSource, Zone } from '../model/source.ts';
import { listNames, readText } from '../util/files.ts';
import { zonesOf } from './zones.ts';

/**
 * Kernel: drivers/powercap/intel_rapl_common.c, Documentation/ABI/testing/sysfs-class-powercap. Zones of
 * intel-rapl-mmio count the same packages again.
 */
const ZONE = /^intel-rapl:(\d+)(?::\d+)?$/;
const TOP = /^package-(\d+)(?:-die-(\d+))?$/;

/**
 * Zones within a package. `core` is left out: on Intel it is in the package's, and on AMD the driver reads
 * the register of one core there (rapl_msr_priv_amd), which is no total of anything.
 */
const PARTS: Readonly<Record<string, Domain>> = { dram: 'memory', uncore: 'gpu' };

/** The packages' counters in sysfs, or the reason why they cannot be had. */
export function powercapSource(sys: string): Omit<PolledSource, 'auxiliary'> | Rejection {
  const name = 'powercap';
  const counters = powercapCounters(sys).filter(({ domain }) => domain === 'cpu');
  if (counters.length === 0) {
    return { name, reason: `${classOf(sys)} has no package: it needs the module intel_rapl_msr` };
  }
  const hidden = counters.find(({ location }) => location.via === 'powercap' && !isReadable(location.path));
  if (hidden)
    return { name, reason: "powercap's energy_uj files may be read by root alone (kernel 5.10 and later)" };
  return {
    name,
    domain: 'cpu',
    scope: 'package',
    reader: 'user',
    kind: 'apportioned',
    zones: counters.map(({ id, cpus }) => ({ id, cpus, lead: cpus[0]! })),
    counters,
    idleWeight: 1,
  };
}

/** What powercap counts beside packages. */
export function powercapDomains(sys: string): Counter[] {
  return powercapCounters(sys).filter(({ domain }) => domain !== 'cpu');
}

/** All counters of powercap, those of packages without an online CPU left out. */
function powercapCounters(sys: string): Counter[] {
  const directory = classOf(sys);
  const zones = listZones(directory);
  const counters = [...zones].flatMap(([number, { top, parts }]) => {
    const [, name, die] = TOP.exec(top.name) ?? [];
    if (name === undefined)
      return top.name.startsWith('psys') ? counter('host', top, `package:${number}`) : [];
    const zone = packageZones(sys, die).find(({ id }) => id === `package:${name}${die ? `:${die}` : ''}`);
    if (!zone) return [];
    const inside = parts.flatMap((part) => {
      const domain = PARTS[part.name];
      return domain ? counter(domain, part, zone.id, zone.cpus) : [];
    });
    return [...counter('cpu', top, zone.id, zone.cpus), ...inside];
  });
  return counters.toSorted((a, b) => (a.cpus[0] ?? 0) - (b.cpus[0] ?? 0));
}

function packageZones(sys: string, die: string | undefined): Zone[] {
  return zonesOf(die === undefined ? 'package' : 'die', sys);
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

function counter(domain: Domain, { path }: Node, packageId: string, cpus: readonly number[] = []): Counter[] {
  const range = readText(join(path, 'max_energy_range_uj'));
  if (range === undefined || !/^\d+$/.test(range)) return [];
  const named = inPackage(domain, packageId);
  return [
    {
      ...named,
      maxWatts: Math.min(named.maxWatts, powerLimit(path) ?? Infinity),
      cpus,
      joulesPerCount: 1e-6,
      // The largest value that energy_uj has, 2^32-1 of the hardware's units.
      range: BigInt(range) + 1n,
      location: { via: 'powercap', path: join(path, 'energy_uj') },
    },
  ];
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
