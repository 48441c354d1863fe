// SPDX-License-Identifier: Apache-2.0
import type { Attributes } from '@opentelemetry/api';
import { BroadcastChannel, threadId } from 'node:worker_threads';
import { type Label, type Reason, reasonLabel, type RequestLabel, requestLabel } from './label.ts';
import type { Requests } from './spans.ts';
import { MAX_REQUESTS } from './split.ts';
import { createTracker, type Tracker } from './tracker.ts';

/** Worker threads and the main thread of one process, and nobody else. */
const CHANNEL = 'otel-ebpf-energy.requests';
/** How often a worker tells what it did, ms. */
const TELL_MS = 250;

interface Told {
  readonly thread: number;
  readonly requests: readonly { id: number; cpuNs: number; end?: Attributes | 'disowned' }[];
  readonly rest: readonly { reason: Reason; cpuNs: number }[];
}

/** Tells the main thread what this worker works on. */
export function startTelling(): { readonly tracker: Tracker; stop(): void } {
  const ids = new Map<RequestLabel, number>();
  const disowned = new Set<RequestLabel>();
  let lastId = 0;
  const channel = new BroadcastChannel(CHANNEL);
  channel.unref();
  const tracker = createTracker({
    begin: (request) => {
      if (ids.size >= MAX_REQUESTS) return false;
      ids.set(request, ++lastId);
      return true;
    },
    disown: (request) => disowned.add(request),
  });
  const tell = (): void => {
    const rest: { reason: Reason; cpuNs: number }[] = [];
    for (const label of tracker.take()) {
      if (label.reason !== undefined) rest.push({ reason: label.reason, cpuNs: take(label) });
      else label.touched = false;
    }
    const requests: Told['requests'][number][] = [];
    for (const [request, id] of ids) {
      const end = disowned.has(request) ? ('disowned' as const) : request.attributes;
      if (request.cpuNs === 0 && end === undefined) continue;
      requests.push({ id, cpuNs: take(request), ...(end !== undefined && { end }) });
      if (end === undefined) continue;
      ids.delete(request);
      disowned.delete(request);
      request.reason = 'outside_spans';
    }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is no window's
    channel.postMessage({ thread: threadId, requests, rest } satisfies Told);
  };
  const timer = setInterval(tell, TELL_MS).unref();
  return {
    tracker,
    stop: () => {
      clearInterval(timer);
      tell();
      tracker.stop();
      channel.close();
    },
  };
}

/** Collects what workers tell, as labels like those of this thread. */
export function listenToWorkers(requests: Requests): { take(): Label[]; stop(): void } {
  const known = new Map<string, RequestLabel>();
  const rest = new Map<Reason, Label>();
  let touched = new Set<Label>();
  const charge = (label: Label, cpuNs: number): void => {
    label.cpuNs += cpuNs;
    touched.add(label);
  };
  const restLabel = (reason: Reason): Label => {
    const label = rest.get(reason) ?? reasonLabel(reason);
    rest.set(reason, label);
    return label;
  };
  const channel = new BroadcastChannel(CHANNEL);
  channel.addEventListener('message', (event) => {
    const { data } = event as unknown as { data: Told };
    for (const { reason, cpuNs } of data.rest) charge(restLabel(reason), cpuNs);
    for (const { id, cpuNs, end } of data.requests) {
      const key = `${data.thread} ${id}`;
      const request = known.get(key) ?? requestLabel(performance.now());
      const isKept = known.has(key) || requests.begin(request);
      charge(isKept ? request : restLabel('not_kept'), cpuNs);
      if (!isKept) continue;
      if (end === undefined) known.set(key, request);
      else known.delete(key);
      if (end === 'disowned') requests.disown(request);
      else if (end !== undefined) request.attributes = end;
    }
  });
  channel.unref();
  return {
    take() {
      const taken = [...touched];
      touched = new Set();
      // What was given up is not waited for any longer.
      for (const [key, request] of known) if (request.reason !== undefined) known.delete(key);
      return taken;
    },
    stop: () => channel.close(),
  };
}

function take(label: Label): number {
  const { cpuNs } = label;
  label.cpuNs = 0;
  label.touched = false;
  return cpuNs;
}
