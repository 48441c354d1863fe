// SPDX-License-Identifier: Apache-2.0
import { threadCpuClock } from '../probe/addon.ts';
import { Following } from './context.ts';
import { type Label, reasonLabel } from './label.ts';
import { type Requests, SpanLabels } from './spans.ts';
import { ThreadClock } from './thread-clock.ts';

/** Follows what this thread works on. */
export interface Tracker {
  readonly spans: SpanLabels;
  /** To be called when a span starts. */
  follow(): void;
  /** Who was charged since the last call. */
  take(): Label[];
  stop(): void;
}

/** @throws EnergyError where the native part, which has the clock, is not there. */
export function createTracker(requests: Requests): Tracker {
  const clocks = { cpuNs: threadCpuClock(), wallMs: () => performance.now() };
  const clock = new ThreadClock(clocks, reasonLabel('outside_spans'));
  const following = new Following(clock);
  return {
    spans: new SpanLabels(requests),
    follow: () => following.follow(),
    take: () => clock.take(),
    stop: () => following.stop(),
  };
}

/** Who follows this thread: two would both charge its time, and export every Joule twice. */
const FOLLOWED = Symbol.for('otel-ebpf-energy.requests');

/** Returns what releases the thread again; undefined where it is taken, also by another copy of this package. */
export function claimThread(): (() => void) | undefined {
  const here = globalThis as { [FOLLOWED]?: true };
  if (here[FOLLOWED]) return undefined;
  here[FOLLOWED] = true;
  return () => delete here[FOLLOWED];
}
