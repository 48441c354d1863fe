// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { diag } from '@opentelemetry/api';
import { JsonMetricsSerializer, ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { OtlpSettings } from '../settings/environment.ts';
import { inSlices } from '../util/cooperative.ts';
import { withoutSecrets } from '../util/url.ts';
import { Batches, halves } from './batches.ts';
import { judge, readable, type Serializer, type Verdict } from './otlp-answer.ts';
import { createOtlpClient, type OtlpClient } from './otlp-client.ts';
import { serializingSums } from './otlp-protobuf.ts';
import { OtlpReport } from './otlp-report.ts';
import type { Collection, Destination } from './push.ts';

export interface OtlpOptions {
  readonly otlp: OtlpSettings;
  readonly log: (line: string) => void;
  /** Takes a line when metrics arrive for the first time. */
  readonly tell?: (line: string) => void;
  /** Series in a request, at most. */
  readonly series?: number;
}

/** A series is half a KiB of JSON, or one where it is new; serializing so many takes 2 to 8 ms, and 1 ms as protobuf. */
const SERIES = 1000;
/** Bytes of a request before compression. Many receivers and proxies take 1 MiB, few take less. */
const REQUEST_BYTES = 1_000_000;
/** Requests of one export that are refused in a row before the rest is kept for the next export. */
const REFUSALS = 8;
/** Exports without a request that was too large before larger ones are tried again. */
const CLEAN_EXPORTS = 10;
/** Longest pause that a receiver can ask for: an ended series is not kept for longer. */
const MAX_PAUSE_MS = 300_000;

/** OTLP over HTTP. What does not arrive is left to the next collection. */
export class OtlpDestination implements Destination {
  readonly url: string;
  readonly #client: OtlpClient;
  readonly #serializer: Serializer;
  readonly #isJson: boolean;
  readonly #contentType: string;
  readonly #timeoutMs: number;
  readonly #report: OtlpReport;
  readonly #most: number;
  #size: number;
  #clean = 0;
  /** Until when the receiver asked not to be sent anything. */
  #pausedUntil = 0;

  constructor({ otlp, log, tell, series = SERIES }: OtlpOptions) {
    this.#isJson = otlp.protocol === 'http/json';
    this.#serializer = this.#isJson ? JsonMetricsSerializer : ProtobufMetricsSerializer;
    this.#contentType = this.#isJson ? 'application/json' : 'application/x-protobuf';
    this.#client = createOtlpClient(otlp);
    this.#timeoutMs = otlp.timeoutMs;
    this.url = withoutSecrets(otlp.url);
    this.#report = new OtlpReport(this.url, log, tell);
    this.#most = series;
    this.#size = series;
  }

  async send({ metrics, arrived, signal, last }: Collection): Promise<boolean> {
    if (!last && performance.now() < this.#pausedUntil) return false;
    const batches = new Batches(metrics);
    const ranges = batches.ranges(this.#size);
    let failure: string | undefined;
    let refusals = 0;
    let tooLarge = false;
    let largest = 0;
    for (let range = ranges.pop(); range && refusals < REFUSALS; range = ranges.pop()) {
      const count = range[1] - range[0];
      const part = batches.part(range);
      const body = await this.#serialize(part);
      if (body === undefined || (body.length > REQUEST_BYTES && count > 1)) {
        ranges.push(...halves(range));
        continue;
      }
      const verdict = await this.#deliver(body, { signal, last });
      diag.debug(`OTLP: ${count} series in ${body.length} bytes: ${verdict.kind}`);
      if (verdict.kind === 'accepted') {
        arrived(part);
        this.#report.taken(verdict);
        largest = Math.max(largest, count);
        refusals = 0;
      } else if (verdict.kind === 'too large') {
        tooLarge = true;
        this.#report.tooLarge(verdict.reason, body.length, count);
        if (count > 1) ranges.push(...halves(range));
        else if (++refusals === REFUSALS) failure = verdict.reason;
      } else {
        failure = verdict.reason;
        // A receiver that is away is away for the rest as well.
        refusals = verdict.kind === 'busy' ? REFUSALS : refusals + 1;
      }
    }
    this.#resize(tooLarge, largest);
    // What is broken off because the agent stops is no outage of the receiver.
    if (!(signal.aborted && (signal.reason as Error).name === 'AbortError')) this.#report.exported(failure);
    return failure === undefined;
  }

  close(): void {
    this.#client.close();
  }

  async #serialize(part: ResourceMetrics): Promise<Uint8Array | undefined> {
    return this.#isJson ? this.#serializer.serializeRequest(part) : inSlices(serializingSums(part));
  }

  /** The size that went through is kept, and larger ones are tried again after a while. */
  #resize(tooLarge: boolean, largest: number): void {
    if (tooLarge) {
      this.#size = largest || this.#size;
      this.#clean = 0;
    } else if (++this.#clean >= CLEAN_EXPORTS) {
      this.#size = Math.min(this.#most, this.#size * 2);
      this.#clean = 0;
    }
  }

  /** One request, tried again while its time lasts where that may help. */
  async #deliver(body: Uint8Array, { signal, last }: Pick<Collection, 'signal' | 'last'>): Promise<Verdict> {
    const end = performance.now() + this.#timeoutMs;
    for (let attempt = 0; ; attempt++) {
      const verdict = await this.#try(body, Math.max(1, end - performance.now()), signal);
      if (verdict.kind !== 'busy' || signal.aborted) return verdict;
      // It may be broken off before the next one, and nobody would be told why.
      if (last) this.#report.failing(verdict.reason);
      const pauseMs = verdict.retryAfterMs ?? backoff(attempt);
      if (performance.now() + pauseMs >= end) {
        const asked = Math.min(verdict.retryAfterMs ?? 0, MAX_PAUSE_MS);
        this.#pausedUntil = performance.now() + asked;
        return verdict;
      }
      await sleep(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return verdict;
    }
  }

  async #try(body: Uint8Array, timeoutMs: number, signal: AbortSignal): Promise<Verdict> {
    const contentType = this.#contentType;
    try {
      return judge(await this.#client.post({ body, contentType, timeoutMs, signal }), this.#serializer);
    } catch (error) {
      return { kind: 'busy', reason: why(error as NodeJS.ErrnoException), retryAfterMs: undefined };
    }
  }
}

/** 1, 2, 4, 5, 5 s, a fifth more or less: hosts that lost one receiver must not all come back at once. */
function backoff(attempt: number): number {
  return Math.min(5000, 1000 * 2 ** attempt) * (0.8 + 0.4 * Math.random());
}

/** `ECONNREFUSED`, or what happened where there is no telling code. */
function why({ code, message }: NodeJS.ErrnoException): string {
  // Node's parser of HTTP.
  if (code?.startsWith('HPE_'))
    return `the answer is no HTTP/1.1, ${code}: is it the port of gRPC? that of HTTP is 4318 mostly`;
  return code === undefined || code === 'ETIMEDOUT' ? readable(message) : code;
}
