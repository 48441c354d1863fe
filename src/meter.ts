// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { attributing, type Charges } from './attribution/attribute.ts';
import { type Collector, openCollector } from './probe/collector.ts';
import { createBeside } from './attribution/auxiliary.ts';
import { openPoller, type Poller } from './counters/poller.ts';
import { coreReader } from './host/cpus.ts';
import { createFilter, type Filter } from './snapshot/filter.ts';
import { addIncidents } from './model/counter-events.ts';
import { findHierarchy } from './host/hierarchy.ts';
import { createIdentifier, type Identifier } from './identity/identify.ts';
import { kubeletPods } from './identity/kubelet.ts';
import { createNamer, type Namer } from './identity/namer.ts';
import { bootTimeMs } from './host/procfs.ts';
import { runtimeFiles } from './identity/runtimes.ts';
import type { Columns } from './probe/columns.ts';
import { describe } from './snapshot/build.ts';
import { inSlices } from './util/cooperative.ts';
import type { Calibration } from './probe/addon.ts';
import type { Snapshot } from './model/snapshot.ts';
import { checkMeterOptions } from './settings/library.ts';
import type { MeterOptions } from './settings/types.ts';
import { selectSource } from './sources/select.ts';
import type { Counter, EnergySource, Selection } from './model/source.ts';

/** One interval: the snapshot for everybody, and what it was made of for those who look for single processes. */
export interface Measurement {
  readonly snapshot: Snapshot;
  readonly charges: Charges;
  readonly lives: Columns['lives'];
}

/** An open meter. Iterating it takes a snapshot every interval until it is closed. */
export interface Meter extends AsyncIterable<Snapshot>, AsyncDisposable {
  readonly selection: Selection;
  /** Our pid as the host has it. */
  readonly ownPid: number;
  /** What cannot be seen from where we run, and the remedy; undefined if nothing is hidden. */
  readonly blindTo: string | undefined;
  /** Where the energy went since the last snapshot, or since the meter was opened. */
  snapshot(): Promise<Snapshot>;
  /** As `snapshot()`, with the processes' keys. */
  measure(): Promise<Measurement>;
  /** How the source's first counter behaves, by polling it for up to 150 ms; undefined for an estimate. */
  calibrate(): Promise<Calibration | undefined>;
  /** Whether the cgroup of a snapshot still exists; true where that cannot be told. */
  cgroupExists(path: string): boolean;
  /** Ends the iteration; snapshots can still be taken. */
  stop(): void;
  close(): Promise<void>;
}

const BLIND_IN_NAMESPACE =
  'in a pid namespace of its own: other processes have the names of 15 characters that the kernel keeps; ' +
  'run with the pid namespace of the host (--pid=host, hostPID: true), or mount its /proc and /sys and give --root';

/**
 * Chooses a source and starts measuring. Rejects with an EnergyError: bad options (exit status 2), or a
 * kernel, machine or user that cannot measure (3).
 */
export async function openMeter(options: MeterOptions = {}): Promise<Meter> {
  const checked = checkMeterOptions(options);
  const { root, interval, maxTasks, followForks, log = () => {} } = checked;
  const sys = join(root, 'sys');
  const proc = join(root, 'proc');
  const select = (): Selection =>
    selectSource({
      spec: checked.source,
      sys,
      proc,
      dev: join(root, 'dev'),
      ...(checked.wattsIdle === undefined ? {} : { wattsIdle: checked.wattsIdle }),
      ...(checked.wattsBusy === undefined ? {} : { wattsBusy: checked.wattsBusy }),
    });
  const namer = namerOf(root, checked);
  const selection = select();
  const { source } = selection;
  const hierarchy = findHierarchy(proc, root);
  const collector = await openCollector({
    source,
    rediscover: () => sameSource(source, () => select().source),
    sys,
    hierarchy,
    log,
    followForks,
    maxTasks,
  });
  const poller = await openPoller({
    counters: polledCounters(source),
    needed: source.reader === 'user' ? source.counters : [],
    log,
  }).catch(async (error: unknown) => {
    await collector.close();
    throw error;
  });
  // The /proc of another pid namespace would name other processes.
  const hostProc = root !== '/' || collector.ownPid === process.pid;
  const identifier = createIdentifier({ proc, hierarchy, bootTimeMs: bootTimeMs(proc), hostProc });
  return meter({
    selection,
    collector,
    poller,
    identifier,
    filter: createFilter(checked),
    namer,
    hostProc,
    sys,
    intervalMs: interval * 1000,
  });
}

function namerOf(root: string, { names = false, kubelet, log = () => {} }: MeterOptions): Namer | undefined {
  const sources = [...(names ? [runtimeFiles(root)] : []), ...(kubelet ? [kubeletPods(kubelet)] : [])];
  return sources.length === 0 ? undefined : createNamer({ sources, log });
}

/** A source does not become another one, nor none, while it is measured: then its errors are counted. */
function sameSource(source: EnergySource, select: () => EnergySource): EnergySource {
  try {
    const found = select();
    return found.name === source.name && found.reader === source.reader ? found : source;
  } catch {
    return source;
  }
}

/** The counters that user space reads. */
function polledCounters(source: EnergySource): readonly Counter[] {
  return source.reader === 'user' ? [...source.counters, ...source.beside] : source.beside;
}

function meter(parts: {
  selection: Selection;
  collector: Collector;
  poller: Poller;
  identifier: Identifier;
  filter: Filter;
  namer: Namer | undefined;
  hostProc: boolean;
  sys: string;
  intervalMs: number;
}): Meter {
  const { selection, collector, poller, identifier, sys, intervalMs } = parts;
  const cores = coreReader(sys);
  const besides = createBeside();
  let lostEvents = 0;
  let queue: Promise<unknown> = Promise.resolve();
  let stopped = false;
  /** Processes that have ended of late, by their start: their last stints come after the news of their end. */
  const dying = new Map<number, { pid: number; rounds: number }>();
  let cancelPause = (): void => {};

  async function take(): Promise<Measurement> {
    const drained = await collector.drain();
    const { columns, source } = drained;
    const { readings, ...incidents } = await poller.take(polledCounters(source));
    const interval = { ...drained, ...addIncidents(drained, incidents) };
    columns.mkdirs.path.forEach((path, i) => identifier.learnCgroup(columns.mkdirs.cgroup[i]!, path));
    const attributed = await inSlices(attributing(columns, source, cores(), readings));
    const { zones, domains } = besides(source, attributed.zones, readings);
    const charges = { ...attributed, zones };
    const snapshot = await describe({
      interval,
      charges,
      identifier,
      filter: parts.filter,
      namer: parts.namer,
      ownPid: collector.ownPid,
      dying,
      domains,
      lostEvents: columns.lostEvents - lostEvents,
    });
    lostEvents = columns.lostEvents;
    identifier.endInterval();
    parts.namer?.endInterval();
    return { snapshot, charges, lives: columns.lives };
  }
  // Measurements follow one another: each begins where the last one ended.
  const measure = (): Promise<Measurement> => {
    const next = queue.then(take);
    queue = next.catch(() => {});
    return next;
  };
  const stop = (): void => {
    stopped = true;
    cancelPause();
  };
  const close = async (): Promise<void> => {
    stop();
    await queue;
    await poller.close();
    await collector.close();
  };
  return {
    selection,
    ownPid: collector.ownPid,
    blindTo: parts.hostProc ? undefined : BLIND_IN_NAMESPACE,
    measure,
    snapshot: async () => (await measure()).snapshot,
    calibrate: () => collector.calibrate(),
    cgroupExists: (path) => identifier.cgroupExists(path),
    stop,
    close,
    [Symbol.asyncDispose]: close,
    async *[Symbol.asyncIterator]() {
      let due = performance.now();
      for (;;) {
        if (stopped) return;
        // From due time to due time: intervals do not drift by what a snapshot takes.
        due = Math.max(due + intervalMs, performance.now());
        const pause = sleep(due - performance.now());
        cancelPause = pause.cancel;
        await pause.done;
        if (stopped) return;
        yield (await measure()).snapshot;
      }
    },
  };
}

function sleep(ms: number): { readonly done: Promise<void>; readonly cancel: () => void } {
  let cancel = (): void => {};
  const done = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    cancel = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { done, cancel };
}
