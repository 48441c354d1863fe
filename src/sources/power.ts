// SPDX-License-Identifier: Apache-2.0
import { encodeEvent, joulesPerCount, type Pmu, readPmu } from './pmu.ts';
import type { PolledSource, Selection, SwitchedSource } from './source.ts';
import { zonesOf } from './zones.ts';

/** PMUs of the running average power limit counters (RAPL) that Intel, AMD and Hygon have. */
export type PowerName = 'power_core' | 'power_per_core' | 'power';

export type Rejection = Selection['rejected'][number];

/** No x86 core draws a fifth of this; a socket of 400 W has at least eight. What exceeds it is no energy. */
const CORE_MAX_WATTS = 250;

const PMUS = {
  // Merged in Linux 6.14: b4943b8bfc41 "perf/x86/rapl: Add core energy counter support for AMD CPUs".
  power_core: {
    event: 'energy-core',
    scope: 'core',
    needs: 'an AMD Zen or Hygon CPU, Linux 6.14 or later and the rapl module (modprobe rapl)',
  },
  // Its name before it was merged; some distributions built that.
  power_per_core: {
    event: 'energy-per-core',
    scope: 'core',
    needs: 'a kernel with an early version of the power_core patches',
  },
  power: {
    event: 'energy-pkg',
    scope: 'package',
    needs: 'a CPU with RAPL counters and the rapl module (modprobe rapl)',
  },
} as const;

/** The energy counters of this PMU, or the reason why they cannot be had. */
export function powerSource(name: PowerName, sys: string): SwitchedSource | PolledSource | Rejection {
  const { event, scope, needs } = PMUS[name];
  const pmu = readPmu(sys, name);
  if (!pmu) return { name, reason: `this kernel has no PMU ${name}: it needs ${needs}` };
  // The kernel registers the PMU even where it hides the event, because its counter faults or reads 0.
  if (!pmu.events.has(event)) {
    return { name, reason: `PMU ${name} has no event ${event}: the kernel found no working counter` };
  }
  const joules = joulesPerCount(pmu, event);
  if (joules === undefined) return { name, reason: notInJoules(pmu, event) };
  const common = {
    name,
    domain: 'cpu',
    // Kernel 7.0 and later list every CPU in power's cpumask: one zone per package, not per listed CPU.
    zones: zonesOf(scope, sys, pmu.cpumask),
    event: encodeEvent(pmu, event),
    joulesPerCount: joules,
  } as const;
  return scope === 'core'
    ? { ...common, scope, reader: 'bpf', kind: 'measured', idlePays: false, maxWatts: CORE_MAX_WATTS }
    : { ...common, scope, reader: 'user', kind: 'apportioned' };
}

function notInJoules(pmu: Pmu, event: string): string {
  const unit = JSON.stringify(pmu.events.get(`${event}.unit`) ?? '');
  const scale = JSON.stringify(pmu.events.get(`${event}.scale`) ?? '');
  return `PMU ${pmu.name} gives ${event} the unit ${unit} and the scale ${scale}, not a number of Joules`;
}
