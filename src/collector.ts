// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Columns } from './columns.ts';
import { onlineCpus } from './cpus.ts';
import { EnergyError } from './errors.ts';
import { type Calibration, createProbe, type Probe } from './native.ts';
import type { EnergySource, Zone } from './sources/source.ts';

export interface CollectorOptions {
  readonly source: EnergySource;
  /** Finds the source again after CPUs came or went: its zones, and its PMU's type, may be others. */
  readonly rediscover: () => EnergySource;
  /** Where sysfs is mounted. */
  readonly sys: string;
  /** The hierarchy whose cgroups are charged: its v1 controller (null for v2) and its number (0 for v2). */
  readonly hierarchy: { readonly controller: string | null; readonly id: number };
  readonly followForks: boolean;
  /** Processes that may be live between two drains before detail is lost. */
  readonly maxTasks?: number;
  /** Takes a line for every counter that is bound anew, or cannot be. */
  readonly log?: (line: string) => void;
}

/** One interval as the kernel recorded it. */
export interface Interval {
  readonly columns: Columns;
  readonly seconds: number;
  /** The source with the zones it had in this interval. */
  readonly source: EnergySource;
  /** Counters that were bound anew at its end. */
  readonly rebinds: number;
}

export interface Collector {
  /** Our pid as rows have it. */
  readonly ownPid: number;
  drain(): Promise<Interval>;
  /** How the first counter behaves, by polling it for up to 150 ms; undefined where BPF reads none. */
  calibrate(): Promise<Calibration | undefined>;
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
    const { ownPid } = await probe.open({
      btf,
      controller: options.hierarchy.controller ?? '',
      hierarchy: options.hierarchy.id,
      switched: source.reader === 'bpf',
      shared: source.reader === 'bpf' && source.scope !== 'cpu',
      idlePays: source.reader === 'bpf' && source.idlePays,
      joulesPerCount: source.reader === 'bpf' ? source.joulesPerCount : 1,
      maxWatts: source.reader === 'bpf' ? source.maxWatts : 0,
      followForks: options.followForks,
      spillEntries: options.maxTasks ?? 32_768,
    });
    let calibrated = true;
    if (source.reader === 'bpf') {
      for (const [i, zone] of source.zones.entries()) await probe.bind(i, zone, source.event);
      calibrated = await expectUpdates(probe, source.zones);
    }
    await probe.start();
    const first = await probe.drain();
    return collect(probe, options, { ownPid, startNs: first.timeNs, calibrated });
  } catch (error) {
    await probe.close();
    throw error;
  }
}

/**
 * Finds out when the counters move, which BPF then expects. False if they stand still. Without that, shares are
 * worse, and no reason not to measure.
 */
async function expectUpdates(probe: Probe, zones: readonly Zone[]): Promise<boolean> {
  const index = zones.findIndex(({ cpus }) => cpus.length > 0);
  const zone = zones[index];
  if (!zone) return false;
  const found = await probe.calibrate(index, zone.lead).catch(() => undefined);
  return found?.periodNs !== undefined;
}

function collect(
  probe: Probe,
  options: CollectorOptions,
  started: { readonly ownPid: number; readonly startNs: number; readonly calibrated: boolean },
): Collector {
  const { sys, log = () => {} } = options;
  let { source } = options;
  let online = onlineCpus(sys).join();
  let lastNs = started.startNs;
  let { calibrated } = started;

  /**
   * Brings counters and CPUs together again. An event dies with its CPU and does not come back with it; what
   * is counted meanwhile is nobody's. May be called at any time, any number of times.
   */
  async function reconcile(failed: ReadonlySet<number>): Promise<number> {
    const found = options.rediscover();
    const zones = source.zones.map(
      (zone) => found.zones.find(({ id }) => id === zone.id) ?? { ...zone, cpus: [] },
    );
    zones.push(...found.zones.filter(({ id }) => !source.zones.some((zone) => zone.id === id)));
    let rebinds = 0;
    for (const [i, zone] of zones.entries()) {
      const former = source.zones[i];
      const same = former && former.lead === zone.lead && former.cpus.join() === zone.cpus.join();
      if (
        found.reader !== 'bpf' ||
        zone.cpus.length === 0 ||
        (same && !zone.cpus.some((cpu) => failed.has(cpu)))
      )
        continue;
      try {
        await probe.bind(i, zone, found.event);
        rebinds++;
        log(`bound ${zone.id} anew, on CPU ${zone.lead} for CPUs ${zone.cpus.join()}`);
      } catch (error) {
        // The CPU may have gone again: tried again after the next interval.
        zones[i] = former ?? { ...zone, cpus: [] };
        online = '';
        log(`${zone.id}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    source = { ...found, zones };
    return rebinds;
  }

  return {
    ownPid: started.ownPid,
    async drain() {
      const columns = await probe.drain();
      const interval = { columns, seconds: (columns.timeNs - lastNs) / 1e9, source };
      lastNs = columns.timeNs;
      const failed = failedCpus(columns);
      const backwards = columns.cpus.backwards.reduce((sum, n) => sum + n, 0);
      if (backwards > 0) log(`a counter went back ${backwards} times: nobody is charged for that`);
      const now = onlineCpus(sys).join();
      const changed = now !== online || failed.size > 0;
      online = now;
      calibrated ||=
        columns.cpus.counts.some((counts) => counts > 0) && (await expectUpdates(probe, source.zones));
      return { ...interval, rebinds: changed ? await reconcile(failed) : 0 };
    },
    async calibrate() {
      const index = source.zones.findIndex(({ cpus }) => cpus.length > 0);
      const zone = source.zones[index];
      return source.reader !== 'bpf' || !zone ? undefined : await probe.calibrate(index, zone.lead);
    },
    close: () => probe.close(),
  };
}

/** CPUs whose counter could not be read. */
function failedCpus({ cpus }: Columns): Set<number> {
  return new Set([...cpus.cpu].filter((_, i) => cpus.readErrors[i]! > 0));
}
