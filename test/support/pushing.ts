// SPDX-License-Identifier: Apache-2.0
import { emptyResource } from '@opentelemetry/resources';
import { OtlpDestination } from '../../src/otel/otlp.ts';
import { type Push, startPush } from '../../src/otel/push.ts';
import { type OtlpSettings, publishSettings } from '../../src/settings/environment.ts';
import { type Answerer, startOtlpReceiver, type OtlpReceiver } from './otlp-receiver.ts';
import { type CountingProducer, countingProducer } from './producers.ts';
import { NEVER_MS } from './publishing.ts';

/** Longer than any test. */
export const NEVER: number = Number(NEVER_MS);

export interface PushGiven extends Partial<OtlpSettings> {
  readonly points?: number;
  readonly batch?: number;
  readonly intervalMs?: number;
  readonly exportMs?: number;
  readonly size?: number;
  readonly pairs?: boolean;
}

export interface Pushing {
  /** A new one for each test. */
  receiver: OtlpReceiver;
  /** What was logged in the test. */
  lines: string[];
  /** Of the last push. */
  producer: CountingProducer;
  /** Pushes to the receiver, when flushed; closed after the test. */
  readonly push: (given?: PushGiven) => Push;
  /** The receiver answers the first requests in ways of their own, and then as usual. */
  readonly inTurn: (...answers: readonly Answerer[]) => void;
}

/** To be called once in a test file. */
export function setUpPushing(): Pushing {
  let pushes: Push[] = [];
  const at: Pushing = {
    receiver: undefined as unknown as OtlpReceiver,
    lines: [],
    producer: undefined as unknown as CountingProducer,
    push(given = {}) {
      const {
        points = 3,
        batch = 1000,
        intervalMs = NEVER,
        exportMs = 10_000,
        size = 0,
        pairs = false,
        ...otlp
      } = given;
      at.producer = countingProducer({
        points,
        pairs,
        attributes: () => (size > 0 ? { text: 'x'.repeat(size) } : {}),
      });
      const { otlp: settings } = publishSettings({
        OTEL_EXPORTER_OTLP_ENDPOINT: at.receiver.endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      });
      const destination = new OtlpDestination({
        otlp: { ...settings!, ...otlp },
        log: (line) => at.lines.push(line),
        series: batch,
      });
      const one = startPush({
        producer: at.producer,
        destination,
        resource: emptyResource(),
        intervalMs,
        timeoutMs: exportMs,
      });
      pushes.push(one);
      return one;
    },
    inTurn(...answers) {
      let next = 0;
      at.receiver.answerWith((response, request) => (answers[next++] ?? reply(200))(response, request));
    },
  };
  beforeEach(async () => {
    at.receiver = await startOtlpReceiver();
    at.lines = [];
    pushes = [];
  });
  afterEach(async () => {
    at.receiver.answerWith(200);
    await Promise.all(pushes.map((each) => each.close(1000)));
    await at.receiver.close();
  });
  return at;
}

export const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
export const down = (why: string | RegExp): unknown =>
  expect.stringMatching(
    new RegExp(
      String.raw`^cannot send metrics to http://127\.0\.0\.1:\d+/v1/metrics \(${typeof why === 'string' ? why : why.source}\): while`,
    ),
  );
export const up: unknown = expect.stringMatching(/^sending metrics to http:\S+ again$/);
export const reply =
  (status: number, headers: Record<string, string> = {}, body = ''): Answerer =>
  (response) => {
    response.writeHead(status, headers).end(body);
    return status;
  };
