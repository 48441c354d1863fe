// SPDX-License-Identifier: Apache-2.0
import type { PerfEvent, Zone } from '../../src/model/source.ts';
import type { LearnedPackage, ProbeOptions } from '../../src/probe/addon.ts';
import { msrType } from './kernel.ts';

/** A probe of the TSC, with small tables. */
export const OPTIONS: ProbeOptions = {
  btf: '/sys/kernel/btf/vmlinux',
  controller: '',
  hierarchy: 0,
  switched: true,
  shared: false,
  idlePays: true,
  joulesPerCount: 1e-9,
  maxWatts: 0,
  followForks: false,
  learns: false,
  spillEntries: 64,
};

export const ZONE: Zone = { id: 'cpu:0', cpus: [0], lead: 0 };

/** A counter of CPU 0 in a file, as powercap has it. */
export const PACKAGE: LearnedPackage = {
  zone: 0,
  cpus: [0],
  cores: [0],
  lead: 0,
  joulesPerCount: 1e-6,
  range: 0n,
  maxWatts: 2000,
  location: { via: 'powercap', path: '/nonexistent/energy_uj' },
};

/** The TSC, which counts on every CPU that perf knows. */
export function tscEvent(): PerfEvent {
  return { type: msrType(), config: 0n, config1: 0n, config2: 0n };
}
