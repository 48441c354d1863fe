// SPDX-License-Identifier: Apache-2.0
import { MAX_WATTS } from './limits.ts';
import { encodeEvent, joulesPerCount, type Pmu, readPmu } from './pmu.ts';
import type { Counter, PolledSource, Selection, SwitchedSource } from '../model/source.ts';
import { zonesOf } from './zones.ts';

export type Rejection = Selection['rejected'][number];

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
  sys: string,
): Omit<SwitchedSource, 'auxiliary'> | Rejection {
  const found = findEvent(name, sys);
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
    zones: zonesOf('core', sys, pmu),
    event: encodeEvent(pmu, event),
    joulesPerCount: joules,
  };
}

/** The packages' counters, or the reason why they cannot be had. */
export function packageSource(sys: string): Omit<PolledSource, 'auxiliary'> | Rejection {
  const found = findEvent('power', sys);
  if ('reason' in found) return found;
  return {
    name: 'power',
    domain: 'cpu',
    scope: 'package',
    reader: 'user',
    kind: 'apportioned',
    // Kernel 7.0 and later list every CPU in power's cpumask: one zone per package, not per listed CPU.
    zones: zonesOf('package', sys, found.pmu),
    counters: perfCounters(found.pmu, 'energy-pkg', sys),
    // A package draws the larger part of its power however busy it is.
    idleWeight: 1,
  };
}

/** Events of PMU `power` other than the package's. The cores' (`energy-cores`) is in the package's. */
const OTHERS = {
  'energy-ram': 'memory',
  'energy-gpu': 'gpu',
  'energy-psys': 'host',
} as const;

/** What PMU `power` counts beside packages: memory, graphics, and all that the machine draws. */
export function perfDomains(sys: string): Counter[] {
  const pmu = readPmu(sys, 'power');
  if (!pmu) return [];
  const names = Object.keys(OTHERS) as (keyof typeof OTHERS)[];
  return names.filter((event) => pmu.events.has(event)).flatMap((event) => perfCounters(pmu, event, sys));
}

/** A counter per package of one event of PMU `power`; none where the kernel does not give it in Joules. */
function perfCounters(pmu: Pmu, event: 'energy-pkg' | keyof typeof OTHERS, sys: string): Counter[] {
  const joules = joulesPerCount(pmu, event);
  if (joules === undefined) return [];
  const encoded = encodeEvent(pmu, event);
  return zonesOf('package', sys, pmu).map((zone) => ({
    ...inPackage(event === 'energy-pkg' ? 'cpu' : OTHERS[event], zone.id),
    cpus: zone.cpus,
    joulesPerCount: joules,
    // perf adds the 32 bits of the hardware up to 64.
    range: 0n,
    location: { via: 'perf', event: encoded, cpu: zone.lead },
  }));
}

/** Names and bounds of a package's counter of a domain: `memory:0` beside `package:0`. */
export function inPackage(
  domain: Counter['domain'],
  packageId: string,
): Pick<Counter, 'id' | 'domain' | 'parent' | 'maxWatts'> {
  if (domain === 'cpu') return { id: packageId, domain, maxWatts: MAX_WATTS.package };
  const id = packageId.replace('package', domain);
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
  if (!pmu) return { name, reason: `this kernel has no PMU ${name}: it needs ${needs}` };
  // The kernel registers the PMU even where it hides the event, because its counter faults or reads 0.
  if (!pmu.events.has(event)) {
    return { name, reason: `PMU ${name} has no event ${event}: the kernel found no working counter` };
  }
  const joules = joulesPerCount(pmu, event);
  return joules === undefined ? { name, reason: notInJoules(pmu, event) } : { pmu, event, joules };
}

function notInJoules(pmu: Pmu, event: string): string {
  const unit = JSON.stringify(pmu.events.get(`${event}.unit`) ?? '');
  const scale = JSON.stringify(pmu.events.get(`${event}.scale`) ?? '');
  return `PMU ${pmu.name} gives ${event} the unit ${unit} and the scale ${scale}, not a number of Joules`;
}
