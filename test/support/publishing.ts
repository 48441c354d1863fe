// SPDX-License-Identifier: Apache-2.0
import { NO_INCIDENTS } from '../../src/model/counter-events.ts';
import type { LedgerReading } from '../../src/ledger/ledger.ts';
import { producersOf } from '../../src/otel/deliverable.ts';
import { startPublishing, type Publisher, type PublishOptions } from '../../src/otel/publish.ts';
import { startOtlpReceiver, type OtlpReceiver } from './otlp-receiver.ts';

/** When `growingLedger` begins, ms. */
export const START: number = Date.UTC(2026, 0, 1);
/** Longer than any test: what waits for this has failed. */
export const NEVER_MS = '600000';

/** Not every machine that tests run on has an id, which the log would have a line about. */
export const HOST = { 'host.id': 'fdbf79e8af94cb7f9e8df36789187052' };

/** A ledger that grows by an interval at every reading, and closes. */
export function growingLedger(): () => LedgerReading {
  let n = 0;
  return () => {
    n++;
    const process = (
      pid: number | null,
      executable: string,
      joules: number,
    ): LedgerReading['processes'][0] => ({
      pid,
      creationTime: pid === null ? null : '2026-01-01T00:00:00.000Z',
      executable,
      containerId: pid === 1 ? 'c0ffee' : null,
      joules,
      since: START,
    });
    // Process 2 ends after the second interval with 0.2 J.
    const second = n <= 2 ? process(2, 'sh', n * 0.1) : process(null, 'sh', 0.2);
    const busy = n * 0.7 + Math.min(n, 2) * 0.1;
    const unattributed = (['idle', 'gap', 'lost', 'shared'] as const).map((reason, i) => ({
      hardwareId: 'package:0',
      reason,
      joules: n * i * 0.3,
      since: START,
    }));
    return {
      kind: 'measured',
      domain: 'cpu',
      time: START + n * 1000,
      hardware: [{ id: 'package:0', parent: null, joules: busy + n * 1.8, since: START }],
      domains: [],
      processes: [process(1, 'node', n * 0.7), second],
      cgroups: [{ path: '/', joules: busy, since: START }],
      containers: [
        { containerId: 'c0ffee', runtime: null, podUid: null, names: {}, joules: n * 0.7, since: START },
      ],
      unattributed,
      self: {
        since: START,
        switches: n,
        lost: 0,
        incidents: NO_INCIDENTS,
        cpuTimeSeconds: n * 0.01,
        joules: n * 0.02,
      },
    };
  };
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
        producer: producersOf({ reader: growingLedger }),
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
