// SPDX-License-Identifier: Apache-2.0
import type { Resource } from '@opentelemetry/resources';
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics';
import { within } from '../util/deadline.ts';
import type { Delivered, DeliverableProducer } from './deliverable.ts';

/** Where collections are pushed to. */
export interface Destination {
  /** Where that is, as it may be shown to the user; undefined: not worth telling. */
  readonly url?: string;
  /** Sends a collection, in one or several requests. Never rejects. Resolves with whether everything arrived. */
  readonly send: (collection: Collection) => Promise<boolean>;
  readonly close: () => void;
}

/** What is to be sent, and how long it may take. */
export interface Collection {
  readonly metrics: ResourceMetrics;
  /** To be told of each part that has arrived. */
  readonly arrived: (part: Delivered) => void;
  /** Aborted when sending is to be given up: for an AbortError because the agent stops, else for want of time. */
  readonly signal: AbortSignal;
  /** There will be no other collection: nothing may be put off. */
  readonly last: boolean;
}

export interface PushOptions {
  readonly producer: DeliverableProducer;
  readonly destination: Destination;
  readonly resource: Resource;
  readonly intervalMs: number;
  /** For one export, however many requests it takes. */
  readonly timeoutMs: number;
}

/** A periodic export. */
export interface Push {
  /** Exports now, or after the export that is under way. Resolves after at most `timeoutMs`. */
  readonly flush: (timeoutMs: number) => Promise<void>;
  /** Exports a last time and stops. Resolves after at most `timeoutMs`, with whether everything arrived. */
  readonly close: (timeoutMs: number) => Promise<boolean>;
}

/**
 * Exports every interval. What takes longer than the interval makes the next one wait for the one after: two
 * exports never overlap.
 *
 * Not by the SDK's PeriodicExportingMetricReader: what it gives up waiting for goes on and overlaps with the
 * next, its shutdown has no bound, and it cannot tell which part of a collection arrived. The timer does not
 * keep the process alive.
 */
export function startPush(options: PushOptions): Push {
  const { producer, destination, resource, intervalMs, timeoutMs } = options;
  let running: Promise<boolean> | undefined;
  let abort = (_reason?: Error): void => {};

  async function collectAndSend(last: boolean): Promise<boolean> {
    const controller = new AbortController();
    abort = (reason) => controller.abort(reason);
    const late = new Error(`not finished within ${timeoutMs} ms`);
    const timer = setTimeout(() => controller.abort(late), timeoutMs);
    // A producer that hangs must not keep a process that is to end.
    timer.unref();
    try {
      const { scopeMetrics } = (await producer.collect()).resourceMetrics;
      if (scopeMetrics.length === 0) return true;
      return await destination.send({
        metrics: { resource, scopeMetrics },
        arrived: (part) => producer.delivered(part),
        signal: controller.signal,
        last,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  function start(last = false): Promise<boolean> {
    running = collectAndSend(last)
      .catch(() => false)
      .finally(() => (running = undefined));
    return running;
  }

  const timer = setInterval(() => void (running ?? start()), intervalMs);
  timer.unref();

  async function closeWithin(ms: number): Promise<boolean> {
    clearInterval(timer);
    const end = performance.now() + ms;
    // Whatever hangs has half of the time; the rest is for the energy that it does not hold.
    if (running && (await within(running, ms / 2)) === undefined) abort();
    const final = (running ?? Promise.resolve(true)).then(() => start(true));
    const sent = await within(final, Math.max(0, end - performance.now()));
    abort();
    destination.close();
    producer.close();
    return sent ?? false;
  }

  let closing: Promise<boolean> | undefined;
  return {
    async flush(ms) {
      const after = (async () => {
        for (let current = running; current; current = running) await current;
        await (closing ?? start());
      })();
      await within(after, ms);
    },
    close: (ms) => (closing ??= closeWithin(ms)),
  };
}
