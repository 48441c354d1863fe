// SPDX-License-Identifier: Apache-2.0
import { isAmd } from '../host/cpuinfo.ts';
import { IDLE_CORE_WEIGHT, MAX_WATTS } from './limits.ts';
import { encodeEvent, joulesPerCount, type Pmu, readPmu } from './pmu.ts';
import type { Counter, PolledSource, Rejection, SwitchedSource } from '../model/source.ts';
import { type HostRoots, zonesOf } from './zones.ts';

const PMUS = {
  // Merged in Linux 6.14: b4943b8bfc41 "perf/x86/rapl: Add core energy counter support for AMD CPUs".
  power_core: {
    event: 'energy-core',
    needs: 'an AMD Zen or Hygon CPU, Linux 6.14 or later and the rapl module (modprobe rapl)',
  },
  // Its name before it was merged; some distributions built that.
  power_per_core: {
    event: 'energy-per-core',
    needs: 'a kernel with an early version of the power_core patches',
  },
  power: {
    event: 'energy-pkg',
    needs: 'a CPU with RAPL counters and the rapl module (modprobe rapl)',
  },
} as const;

/** The counters that cores have of their own, or the reason why they cannot be had. */
export function coreSource(
  name: 'power_core' | 'power_per_core',
  roots: HostRoots,
): Omit<SwitchedSource, 'auxiliary'> | Rejection {
  const found = findEvent(name, roots.sys);
  if ('reason' in found) return found;
  const { pmu, event, joules } = found;
  return {
    name,
    domain: 'cpu',
    scope: 'core',
    reader: 'bpf',
    kind: 'measured',
    idlePays: false,
    maxWatts: MAX_WATTS.core,
    zones: zonesOf('core', roots, pmu),
    event: encodeEvent(pmu, event),
    mask: pmu.cpumask,
    joulesPerCount: joules,
  };
}

/**
 * The packages' counters, or the reason why they cannot be had; those of the packages' cores where the packages hold
 * graphics, too, and the kernel counts both of them.
 */
export function packageSource(roots: HostRoots): Omit<PolledSource, 'auxiliary'> | Rejection {
  const found = findEvent('power', roots.sys);
  if ('reason' in found) return found;
  const counted = COUNTED_APART.every((event) => isInJoules(found.pmu, event));
  const event = counted && !isAmd(roots.proc) ? 'energy-cores' : 'energy-pkg';
  return apportioned('power', perfCounters(found.pmu, event, roots));
}

/** Power planes 0 and 1 of Intel's client CPUs; graphics are not to be charged to whoever computes meanwhile. */
const COUNTED_APART = ['energy-cores', 'energy-gpu'] as const;

function isInJoules(pmu: Pmu, event: string): boolean {
  return pmu.events.has(event) && joulesPerCount(pmu, event) !== undefined;
}

/** A source whose counters, one per package, are split over the CPUs of the package in user space. */
export function apportioned(name: string, counters: readonly Counter[]): Omit<PolledSource, 'auxiliary'> {
  return {
    name,
    domain: 'cpu',
    scope: 'package',
    reader: 'user',
    kind: 'apportioned',
    zones: counters.map(({ id, cpus, location }) => ({
      id,
      cpus,
      lead: location.via === 'perf' ? location.cpu : cpus[0]!,
    })),
    counters,
    // A package draws the larger part of its power however busy it is; its cores alone do not.
    idleWeight: counters.every(({ parent }) => parent === undefined) ? 1 : IDLE_CORE_WEIGHT,
  };
}

const DOMAINS = {
  'energy-pkg': 'cpu',
  'energy-cores': 'cores',
  'energy-ram': 'memory',
  'energy-gpu': 'gpu',
  'energy-psys': 'host',
} as const;

/** What PMU `power` counts beside the CPUs: memory, graphics, and all that the machine draws. */
export function perfDomains(roots: HostRoots): Counter[] {
  return eventsOf(['energy-ram', 'energy-gpu', 'energy-psys'], roots);
}

/** The packages' counters of PMU `power`; none where it has none. */
export function perfPackages(roots: HostRoots): Counter[] {
  return eventsOf(['energy-pkg'], roots);
}

function eventsOf(events: readonly (keyof typeof DOMAINS)[], roots: HostRoots): Counter[] {
  const pmu = readPmu(roots.sys, 'power');
  if (!pmu) return [];
  return events.filter((event) => pmu.events.has(event)).flatMap((event) => perfCounters(pmu, event, roots));
}

/**
 * A counter per package of one event of PMU `power`; none where the kernel does not give it in Joules. Kernel 7.0 and
 * later list every CPU in power's cpumask: a package has one zone even so.
 */
function perfCounters(pmu: Pmu, event: keyof typeof DOMAINS, roots: HostRoots): Counter[] {
  const joules = joulesPerCount(pmu, event);
  if (joules === undefined) return [];
  const encoded = encodeEvent(pmu, event);
  return zonesOf('package', roots, pmu).map((zone) => ({
    ...inPackage(DOMAINS[event], zone.id),
    cpus: zone.cpus,
    joulesPerCount: joules,
    // perf adds the 32 bits of the hardware up to 64.
    range: 0n,
    location: { via: 'perf', event: encoded, cpu: zone.lead },
  }));
}

/** Names and bounds of a package's counter of a domain: `memory:0` beside `package:0`. `cores`: of all its cores. */
export function inPackage(
  domain: 'cpu' | 'cores' | 'memory' | 'gpu' | 'host',
  packageId: string,
): Pick<Counter, 'id' | 'domain' | 'parent' | 'maxWatts'> {
  if (domain === 'cpu') return { id: packageId, domain, maxWatts: MAX_WATTS.package };
  const id = packageId.replace('package', domain);
  if (domain === 'cores') return { id, domain: 'cpu', maxWatts: MAX_WATTS.package, parent: packageId };
  const maxWatts = MAX_WATTS[domain];
  // Graphics sit in the package, whose counter counts them too; memory and the machine do not.
  return domain === 'gpu' ? { id, domain, maxWatts, parent: packageId } : { id, domain, maxWatts };
}

function findEvent(
  name: keyof typeof PMUS,
  sys: string,
): { readonly pmu: Pmu; readonly event: string; readonly joules: number } | Rejection {
  const { event, needs } = PMUS[name];
  const pmu = readPmu(sys, name);
  if (!pmu) return { name, reason: `this kernel has no PMU ${name}: it needs ${needs}`, isAbsent: true };
  // The kernel registers the PMU even where it hides the event, because its counter faults or reads 0.
  if (!pmu.events.has(event)) {
    const reason = `PMU ${name} has no event ${event}: the kernel found no working counter`;
    return { name, reason, isAbsent: true };
  }
  const joules = joulesPerCount(pmu, event);
  return joules === undefined ? { name, reason: notInJoules(pmu, event) } : { pmu, event, joules };
}

function notInJoules(pmu: Pmu, event: string): string {
  const unit = JSON.stringify(pmu.events.get(`${event}.unit`) ?? '');
  const scale = JSON.stringify(pmu.events.get(`${event}.scale`) ?? '');
  return `PMU ${pmu.name} gives ${event} the unit ${unit} and the scale ${scale}, not a number of Joules`;
}
