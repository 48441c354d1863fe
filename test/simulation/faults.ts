// SPDX-License-Identifier: Apache-2.0
import { KIND, packRecords, type Trace, type TraceRecord, unpackRecords } from './trace.ts';

/** What a counter shows, from a time on. */
export type Reading = Pick<TraceRecord, 'timeNs' | 'value'>;

/**
 * The same trace with the counter of one zone changed. `change` gives what is shown instead of a reading; undefined:
 * nothing new. The truth stays what it was.
 */
export function tamper(trace: Trace, zone: number, change: (reading: Reading) => Reading | undefined): Trace {
  const endNs = trace.seconds * 1e9;
  const records = [...unpackRecords(trace.records)].flatMap((record): TraceRecord[] => {
    if (record.kind !== KIND.counter || record.cpu !== zone) return [record];
    const shown = change(record);
    return shown && shown.timeNs < endNs ? [{ ...record, ...shown }] : [];
  });
  // Stable: what happens at once stays in its order.
  return { ...trace, records: packRecords(records.toSorted((a, b) => a.timeNs - b.timeNs)) };
}
