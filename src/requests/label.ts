// SPDX-License-Identifier: Apache-2.0
import type { Attributes } from '@opentelemetry/api';

/**
 * Why energy of the process is no request's:
 * `pool`: threads that run no spans of ours (libuv's pool, V8's collector and compiler);
 * `outside_spans`: the event loop while no span was active, and what a request did after it was recorded;
 * `other_spans`: spans that belong to no HTTP request;
 * `unended`: requests that did not end in time; `not_kept`: requests beyond the number that is kept.
 */
export const REASONS = ['pool', 'outside_spans', 'other_spans', 'unended', 'not_kept'] as const;
export type Reason = (typeof REASONS)[number];

/** What a thread works on: a request, or one of the reasons why it is none. */
export interface Label {
  /** CPU time since the last reading, ns. */
  cpuNs: number;
  /** Whether it is among those that the next reading looks at. */
  touched: boolean;
  /** Undefined while it is a request's. */
  reason: Reason | undefined;
}

/** One HTTP request, from the start of its span until a reading after its end. */
export interface RequestLabel extends Label {
  readonly startedMs: number;
  /** Energy as of the last reading, J. */
  joules: number;
  /** CPU time that has been read, ns. */
  readNs: number;
  /** What the histogram tells it by; known when the span has ended. */
  attributes: Attributes | undefined;
  /** `http.route` as a span inside says it, where that of the request does not. */
  route: string | undefined;
}

export function reasonLabel(reason: Reason): Label {
  return { cpuNs: 0, touched: false, reason };
}

export function requestLabel(startedMs: number): RequestLabel {
  return {
    cpuNs: 0,
    touched: false,
    reason: undefined,
    startedMs,
    joules: 0,
    readNs: 0,
    attributes: undefined,
    route: undefined,
  };
}
