// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { EnergyError } from './errors.ts';
import { type Columns, createProbe, type Probe } from './native.ts';
import type { EnergySource } from './sources/source.ts';

export interface CollectorOptions {
  readonly source: EnergySource;
  /** Where sysfs is mounted. */
  readonly sys: string;
  /** The hierarchy whose cgroups are charged: its v1 controller (null for v2) and its number (0 for v2). */
  readonly hierarchy: { readonly controller: string | null; readonly id: number };
  readonly followForks: boolean;
  /** Processes that may be live between two drains before detail is lost. */
  readonly maxTasks?: number;
}

/** One interval as the kernel recorded it. */
export interface Interval {
  readonly columns: Columns;
  readonly seconds: number;
  /** Zones whose previous poll failed: their advance covers more than this interval. */
  readonly gapZones: ReadonlySet<number>;
}

export interface Collector {
  drain(): Promise<Interval>;
  close(): Promise<void>;
}

/** Binds a source's counters, starts the BPF program and from then on hands out intervals. */
export async function openCollector(options: CollectorOptions): Promise<Collector> {
  const { source, sys } = options;
  const btf = join(sys, 'kernel/btf/vmlinux');
  if (!existsSync(btf)) {
    throw new EnergyError(
      'ENOBTF',
      `${btf} is not there, so BPF programs cannot be fitted to this kernel: use a kernel built with CONFIG_DEBUG_INFO_BTF`,
    );
  }
  const probe = createProbe();
  try {
    await probe.open({
      btf,
      controller: options.hierarchy.controller ?? '',
      hierarchy: options.hierarchy.id,
      zones: source.reader === 'none' ? [] : source.zones.map((zone) => [...zone.cpus]),
      switched: source.reader === 'bpf',
      idlePays: source.reader === 'bpf' && source.idlePays,
      followForks: options.followForks,
      spillEntries: options.maxTasks ?? 32_768,
    });
    if (source.reader !== 'none') {
      for (const [i, zone] of source.zones.entries()) await probe.bind(i, zone.lead, source.event);
    }
    await probe.start();
    const first = await probe.drain();
    return collect(probe, first.timeNs);
  } catch (error) {
    await probe.close();
    throw error;
  }
}

function collect(probe: Probe, startNs: number): Collector {
  let lastNs = startNs;
  let gapZones: ReadonlySet<number> = new Set();
  return {
    async drain() {
      const columns = await probe.drain();
      const interval = { columns, seconds: (columns.timeNs - lastNs) / 1e9, gapZones };
      lastNs = columns.timeNs;
      gapZones = new Set(
        [...columns.polledCounts.keys()].filter((i) => Number.isNaN(columns.polledCounts[i])),
      );
      return interval;
    },
    close: () => probe.close(),
  };
}
