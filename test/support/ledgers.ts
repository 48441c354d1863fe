// SPDX-License-Identifier: Apache-2.0
import { Ledger, type LedgerReader } from '../../src/ledger/ledger.ts';
import type { LedgerReading, SeriesReading } from '../../src/ledger/reading.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import type { LedgerLimits } from '../../src/settings/types.ts';
import { sum } from '../../src/util/sum.ts';
import { type SnapshotSpec, snapshotOf } from './snapshots.ts';

/** A ledger whose intervals last a second, and a reader that receives what it collects. */
export function machine(limits: Partial<LedgerLimits> = {}): {
  readonly ledger: Ledger;
  readonly reader: LedgerReader;
  readonly interval: (spec?: SnapshotSpec) => void;
  /** So many intervals, each of which a reader collects. */
  readonly live: (count: number, spec: SnapshotSpec, by?: LedgerReader) => void;
  readonly collect: (by?: LedgerReader) => LedgerReading;
} {
  let nowMs = 0;
  const ledger = new Ledger({ ...DEFAULT_LIMITS, ...limits }, () => nowMs);
  const reader = ledger.reader();
  return {
    ledger,
    reader,
    interval(spec = {}) {
      nowMs += 1000;
      ledger.add(snapshotOf(spec));
    },
    live(count, spec, by = reader) {
      for (let i = 0; i < count; i++) {
        nowMs += 1000;
        ledger.add(snapshotOf(spec));
        by.collect();
        by.received();
      }
    },
    collect(by = reader) {
      const reading = by.collect();
      by.received();
      return reading!;
    },
  };
}

/** Values by pid or executable, and container. */
export function processes({ processes: series }: LedgerReading): Record<string, number> {
  const name = ({ owner: { pid, executable, containerId } }: LedgerReading['processes'][0]): string =>
    [pid ?? executable, ...(containerId === null ? [] : [containerId])].join(' ');
  return Object.fromEntries(series.filter(({ value }) => value > 0).map((one) => [name(one), one.value]));
}

/** Values by path. */
export function paths({ cgroups }: LedgerReading): Record<string, number> {
  return Object.fromEntries(cgroups.map(({ owner, value }) => [owner.path, value]));
}

/** The sum of all their values. */
export const total = (series: readonly SeriesReading<unknown>[]): number =>
  sum(series.map(({ value }) => value));
