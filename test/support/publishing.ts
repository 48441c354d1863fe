// SPDX-License-Identifier: Apache-2.0
import { Ledger, type LedgerReader } from '../../src/ledger/ledger.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import type { ReaderOptions } from '../../src/ledger/receipts.ts';
import type { LedgerReading } from '../../src/ledger/reading.ts';
import { producersOf } from '../../src/otel/producer.ts';
import { startPublishing, type Publisher, type PublishOptions } from '../../src/otel/publish.ts';
import { snapshotOf } from './snapshots.ts';
import { startOtlpReceiver, type OtlpReceiver } from './otlp-receiver.ts';

/** Longer than any test: what waits for this has failed. */
export const NEVER_MS = '600000';

/** Not every machine that tests run on has an id, which the log would have a line about. */
export const HOST = { 'host.id': 'fdbf79e8af94cb7f9e8df36789187052' };

/** A ledger that grows by an interval at every reading, and closes. Process 2 ends after the second one. */
export class GrowingLedger extends Ledger {
  readonly #executables: number;
  #intervals = 0;

  /** `executables` run as process 1 does. */
  constructor(executables = 1) {
    super({ ...DEFAULT_LIMITS, executables: DEFAULT_LIMITS.executables + executables });
    this.#executables = executables;
  }

  /** All that was measured so far. */
  now(): LedgerReading {
    return super.reader().collect()!;
  }

  override reader(options?: ReaderOptions): LedgerReader {
    const reader = super.reader(options);
    return {
      ...reader,
      // There is something new each time.
      latestMs: () => NaN,
      collect: () => {
        this.#grow();
        return reader.collect();
      },
    };
  }

  #grow(): void {
    this.#intervals++;
    const container = { cgroup: '/docker/c0ffee', container_id: 'c0ffee' };
    const nodes = Array.from({ length: this.#executables }, (_, i) => ({
      pid: 10 + i,
      executable: i === 0 ? 'node' : `node-${i}`,
      energy_j: 0.7,
      ...container,
    }));
    const shell = { pid: 2, executable: 'sh', energy_j: 0.1, exited: this.#intervals === 2 };
    const processes = this.#intervals > 2 ? nodes : [...nodes, shell];
    this.add(snapshotOf({ processes, idle: 0, gap: 0.3, lost: 0.6 }));
  }
}

/** Sums of a `GrowingLedger` after so many readings, J. */
export function grown(readings: number): { hardware: number; processes: number; unattributed: number } {
  const processes = readings * 0.7 + Math.min(readings, 2) * 0.1;
  const unattributed = readings * 0.9;
  return { hardware: processes + unattributed, processes, unattributed };
}

export interface Publishing {
  /** Receives what is pushed; a new one for each test. */
  receiver: OtlpReceiver;
  /** What was logged in the test. */
  lines: string[];
  /** Publishes as the agent does, on a free port, with `variables` as the only ones of OpenTelemetry. */
  readonly publish: (
    variables: Readonly<Record<string, string>>,
    options?: Partial<PublishOptions>,
  ) => Promise<Publisher>;
  /** Variables that push to the receiver, when flushed. */
  readonly pushing: (more?: Readonly<Record<string, string>>) => Record<string, string>;
}

/** To be called once in a test file: what each of its tests publishes is closed after it. */
export function setUpPublishing(): Publishing {
  let publishers: Publisher[] = [];
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('OTEL_')),
  );
  const at: Publishing = {
    receiver: undefined as unknown as OtlpReceiver,
    lines: [],
    async publish(variables, options = {}) {
      // The exporters read the environment of the process.
      Object.assign(process.env, { OTEL_EXPORTER_PROMETHEUS_PORT: '0', ...variables });
      const publisher = await startPublishing({
        producer: producersOf(new GrowingLedger()),
        env: process.env,
        resourceAttributes: HOST,
        log: (line) => at.lines.push(line),
        ...options,
      });
      publishers.push(publisher);
      return publisher;
    },
    pushing: (more = {}) => ({
      OTEL_EXPORTER_OTLP_ENDPOINT: at.receiver.endpoint,
      OTEL_METRICS_EXPORTER: 'otlp',
      OTEL_METRIC_EXPORT_INTERVAL: NEVER_MS,
      ...more,
    }),
  };
  beforeEach(async () => {
    process.env = { ...inherited };
    at.receiver = await startOtlpReceiver();
    at.lines = [];
  });
  afterEach(async () => {
    // Lets go what a test has left unanswered, and takes the last push of what it has left running.
    at.receiver.answerWith(200);
    await Promise.all(publishers.map((publisher) => publisher.close(10_000)));
    await at.receiver.close();
    publishers = [];
  });
  return at;
}
