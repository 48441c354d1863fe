// SPDX-License-Identifier: Apache-2.0
import type { LedgerReader } from '../ledger/ledger.ts';
import type { LedgerReading } from '../ledger/reading.ts';
import { KERNEL, OTHER } from '../model/snapshot.ts';
import type { BackgroundRecorder } from '../background.ts';
import type { DeliverableProducer } from './deliverable.ts';
import { createMetricProducer } from './producer.ts';

/** The longest that a collection waits for the meter: a reader whose producer hangs exports nothing at all. */
export const COLLECT_MS = 2000;

/**
 * One reader's view of what an application exports, whatever kind of reader that is: so one point a series, and the
 * first is 0, since back ends count nothing of a first sample.
 *
 * Of a whole machine the sums close at every collection, so all of them are late by one. What an application used itself
 * has nothing to close with, and is up to date: nothing is missing when it ends.
 */
export function viewOf({ ledger, scope }: Pick<BackgroundRecorder, 'ledger' | 'scope'>): DeliverableProducer {
  return scope === 'machine'
    ? createMetricProducer({ reader: ledger.reader({ delayed: true }), mode: 'scrape' })
    : createMetricProducer({ reader: ownReader(ledger.reader()), mode: 'single' });
}

function ownReader(reader: LedgerReader): LedgerReader {
  return {
    ...reader,
    collect() {
      const reading = reader.collect();
      return reading && ownReading(reading);
    },
  };
}

/**
 * Without the series that each ledger has from the start: nobody else is measured, and the meter's own figures are
 * the application's here.
 */
function ownReading(reading: LedgerReading): LedgerReading {
  return {
    ...reading,
    hardware: [],
    domains: [],
    processes: reading.processes.filter(
      ({ owner: { executable } }) => executable !== OTHER && executable !== KERNEL,
    ),
    cgroups: [],
    containers: reading.containers.filter(({ owner }) => owner.containerId !== OTHER),
    unattributed: [],
    attributed: [],
    self: [],
  };
}
