// SPDX-License-Identifier: Apache-2.0
import { AggregationTemporality, type MetricProducer } from '@opentelemetry/sdk-metrics';
import type { LedgerReading, Series } from '../ledger.ts';
import { OTHER, REMOVED } from '../snapshot.ts';
import { collected, lastGood, type ReadLedger } from './producer.ts';

/** A producer of differences. One per reader: it remembers what that reader has delivered. */
export interface DeltaProducer extends MetricProducer {
  /** What was collected last has arrived: the next collection starts at its end. */
  readonly delivered: () => void;
}

/**
 * Delta temporality: the SDK converts its own instruments, not what producers hand it.
 * Until `delivered()` is called, every collection reaches back to the last one that was, so an outage of
 * the receiver costs no energy. What arrived without the acknowledgement arriving is counted twice.
 */
export function createDeltaProducer(options: { readonly read: ReadLedger }): DeltaProducer {
  const read = lastGood(options.read);
  let base: LedgerReading | undefined;
  let latest: LedgerReading | undefined;
  return {
    collect() {
      const reading = read();
      // Nothing new, or the clock was set back: what there is waits for the next collection.
      if (!reading || (base && reading.time <= base.time)) return Promise.resolve(collected(undefined));
      latest = reading;
      const delta = base ? growth(base, reading) : reading;
      return Promise.resolve(collected(delta, AggregationTemporality.DELTA));
    },
    delivered() {
      base = latest;
    },
  };
}

/** What every sum grew by between two readings, as a reading that starts where the first one ended. */
export function growth(base: LedgerReading, reading: LedgerReading): LedgerReading {
  const since = base.time;
  return {
    ...reading,
    hardware: grown(base.hardware, reading.hardware, since, { key: ({ id }) => id }),
    domains: grown(base.domains, reading.domains, since, { key: ({ id }) => id }),
    processes: grown(base.processes, reading.processes, since, {
      key: ({ pid, creationTime, executable, containerId }) =>
        processKey(pid, creationTime, executable, containerId),
      heirs: ({ executable }) => [
        processKey(null, null, executable, null),
        processKey(null, null, OTHER, null),
      ],
    }),
    cgroups: grown(base.cgroups, reading.cgroups, since, {
      key: ({ path }) => path,
      heirs: () => [REMOVED, OTHER],
    }),
    containers: grown(base.containers, reading.containers, since, {
      key: ({ containerId }) => containerId,
      heirs: () => [REMOVED, OTHER],
    }),
    unattributed: grown(base.unattributed, reading.unattributed, since, {
      key: ({ hardwareId, reason }) => `${hardwareId} ${reason}`,
    }),
    self: {
      since,
      switches: reading.self.switches - base.self.switches,
      lost: reading.self.lost - base.self.lost,
      rebinds: reading.self.rebinds - base.self.rebinds,
      cpuTimeSeconds: reading.self.cpuTimeSeconds - base.self.cpuTimeSeconds,
      joules: reading.self.joules - base.self.joules,
    },
  };
}

interface Family<T> {
  readonly key: (series: T) => string;
  /** Series that take over the Joules of one that is gone, the first that grew by so much. */
  readonly heirs?: (series: T) => readonly string[];
}

/**
 * Differences of one metric's series. The ledger moves the Joules of an ended process to its executable's
 * series; what was delivered as the process's is taken off there, or the differences would count it twice.
 */
function grown<T extends Series>(
  before: readonly T[],
  now: readonly T[],
  since: number,
  { key, heirs = () => [] }: Family<T>,
): T[] {
  const gone = new Map(before.map((series) => [key(series), series]));
  const gains = new Map<string, number>();
  for (const series of now) {
    const name = key(series);
    const last = gone.get(name);
    // Another start is another sum under the same name.
    const continues = last?.since === series.since;
    if (continues) gone.delete(name);
    gains.set(name, Math.max(0, series.joules - (continues ? last.joules : 0)));
  }
  for (const series of gone.values()) {
    let moved = series.joules;
    for (const heir of heirs(series)) {
      const gain = gains.get(heir) ?? 0;
      const taken = Math.min(moved, gain);
      gains.set(heir, gain - taken);
      moved -= taken;
    }
  }
  return now.map((series) => ({ ...series, since, joules: gains.get(key(series)) ?? 0 }));
}

function processKey(
  pid: number | null,
  creationTime: string | null,
  executable: string,
  containerId: string | null,
): string {
  return JSON.stringify([pid, creationTime, executable, containerId]);
}
