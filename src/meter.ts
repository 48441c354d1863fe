// SPDX-License-Identifier: Apache-2.0
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { type Collector, openCollector } from './probe/collector.ts';
import { Intervals, polledCounters, type Recorded } from './counters/intervals.ts';
import { openPoller } from './counters/poller.ts';
import { watchUpdates } from './counters/update-period.ts';
import { coreReader } from './host/cpus.ts';
import type { EnergyError } from './model/errors.ts';
import { createFilter } from './snapshot/filter.ts';
import { findHierarchy } from './host/hierarchy.ts';
import { createIdentifier, type Identifier } from './identity/identify.ts';
import { createNamer, type Namer, type NameSource } from './identity/namer.ts';
import { bootTimeMs } from './host/procfs.ts';
import { runtimeFiles, userRuntimeFiles } from './identity/runtimes.ts';
import { createMeasure, type Measurement } from './snapshot/measure.ts';
import { type ClosingStack, openAll } from './util/closing-stack.ts';
import { ticks } from './util/ticks.ts';
import type { Calibration, Learning } from './probe/addon.ts';
import type { Snapshot } from './model/snapshot.ts';
import { checkMeterOptions } from './settings/library.ts';
import type { MeterOptions } from './settings/types.ts';
import { selectSource, type SourceRequest } from './sources/select.ts';
import type { EnergySource, Selection } from './model/source.ts';

export type { Measurement } from './snapshot/measure.ts';

/**
 * An open meter. Iterating it takes a snapshot every interval until it is closed, or stopped; an interval that cannot
 * be measured is skipped, which the log is told, and the next snapshot covers its time.
 */
export interface Meter extends AsyncIterable<Snapshot>, AsyncDisposable {
  readonly selection: Selection;
  /** Our pid as the host has it. */
  readonly ownPid: number;
  /** What cannot be seen from where we run, and the remedy; undefined if nothing is hidden. */
  readonly blindTo: string | undefined;
  /**
   * Where the energy went since the last snapshot, or since the meter was opened. Rejects with an EnergyError where
   * something cannot be read just now: nothing is lost by that, the next snapshot covers the time.
   */
  snapshot(): Promise<Snapshot>;
  /** As `snapshot()`, with the processes' keys. */
  measure(): Promise<Measurement>;
  /**
   * How the source's first counter behaves, by polling it for up to 150 ms where BPF reads it, and up to 3.5 s where user
   * space does; undefined for an estimate.
   */
  calibrate(): Promise<Calibration | undefined>;
  /** How learning from the counters of packages is going; of no package where it is not wanted, or not possible. */
  learning(): Promise<Learning>;
  /** Whether the cgroup of a snapshot still exists; true where that cannot be told. */
  cgroupExists(path: string): boolean;
  /** Ends all iterations; snapshots can still be taken. */
  stop(): void;
  close(): Promise<void>;
}

const BLIND_IN_NAMESPACE =
  'in a pid namespace of its own: processes that run already have the names of 15 characters that the kernel keeps; ' +
  'run with the pid namespace of the host (--pid=host, hostPID: true), or mount its /proc and /sys and give --root';

/**
 * Chooses a source and starts measuring. Rejects with an EnergyError: bad options (exit status 2), or a
 * kernel, machine or user that cannot measure (3).
 */
export async function openMeter(options: MeterOptions = {}): Promise<Meter> {
  const checked = checkMeterOptions(options);
  const { root, interval, followForks, maxTasks, scripts, log = () => {} } = checked;
  const sys = join(root, 'sys');
  const proc = join(root, 'proc');
  const select = (): Selection => selectSource(sourceRequest(checked));
  // What may be wrong with the options, or with /proc and /sys, shows before anything is opened.
  const filter = createFilter(checked);
  const namer = await namerOf(root, checked);
  const selection = select();
  const { source } = selection;
  const hierarchy = findHierarchy(proc, root);
  const bootMs = bootTimeMs(proc);
  const cores = coreReader(sys);
  cores();
  return openAll(async (opened) => {
    const poller = opened.use(
      await openPoller({
        counters: polledCounters(source),
        needed: source.reader === 'user' ? source.counters : [],
        log,
      }),
    );
    const collector = opened.use(
      await openCollector({
        source,
        rediscover: () => sameSource(source, () => select().source),
        sys,
        hierarchy,
        log,
        followForks,
        maxTasks,
      }),
    );
    // All counters begin with the BPF program, which takes a while to load.
    await poller.take(polledCounters(source));
    const intervals = opened.use(new Intervals({ collector, poller, cores }));
    // The /proc of another pid namespace would name other processes.
    const hostProc = root !== '/' || collector.ownPid === process.pid;
    const identifier = createIdentifier({ proc, hierarchy, bootTimeMs: bootMs, hostProc, scripts, log });
    const measure = createMeasure({ identifier, filter, namer, ownPid: collector.ownPid });
    return meter({ selection, collector, intervals, measure, identifier, hostProc, interval, log, opened });
  });
}

/** Which source these options ask for, and where it is looked for. */
export function sourceRequest(options: ReturnType<typeof checkMeterOptions>): SourceRequest {
  const { root, source, attribution, wattsIdle, wattsBusy } = options;
  return {
    spec: source,
    attribution,
    sys: join(root, 'sys'),
    proc: join(root, 'proc'),
    dev: join(root, 'dev'),
    ...(wattsIdle === undefined ? {} : { wattsIdle }),
    ...(wattsBusy === undefined ? {} : { wattsBusy }),
  };
}

async function namerOf(
  root: string,
  { names = false, containerRoots = [], kubelet, log = () => {} }: MeterOptions,
): Promise<Namer | undefined> {
  const files = (): NameSource[] => [
    runtimeFiles({ root, more: containerRoots, log }),
    userRuntimeFiles(root),
  ];
  const sources = names ? files() : [];
  // Its client for HTTP takes as long to load as a fifth of all else.
  if (kubelet) sources.push((await import('./identity/kubelet.ts')).kubeletPods(kubelet));
  return sources.length === 0 ? undefined : createNamer({ sources, log });
}

async function calibrate(source: EnergySource, collector: Collector): Promise<Calibration | undefined> {
  const [first] = source.reader === 'user' ? source.counters : [];
  // That it cannot be read just now is told by the readings.
  return first ? watchUpdates(first).catch(() => undefined) : collector.calibrate();
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

function meter(parts: {
  selection: Selection;
  collector: Collector;
  intervals: Intervals;
  measure: (recorded: Recorded) => Promise<Measurement>;
  identifier: Identifier;
  hostProc: boolean;
  interval: number;
  log: (line: string) => void;
  opened: ClosingStack;
}): Meter {
  const { selection, collector, intervals, identifier, log } = parts;
  const stopped = new AbortController();
  // Of iterations there may be any number.
  setMaxListeners(0, stopped.signal);
  const measure = (): Promise<Measurement> => intervals.take(parts.measure);
  const close = (): Promise<void> => {
    stopped.abort();
    return parts.opened.close();
  };
  return {
    selection,
    ownPid: collector.ownPid,
    blindTo: parts.hostProc ? undefined : BLIND_IN_NAMESPACE,
    measure,
    snapshot: async () => (await measure()).snapshot,
    calibrate: () => calibrate(selection.source, collector),
    learning: () => collector.learning(),
    cgroupExists: (path) => identifier.cgroupExists(path),
    stop: () => stopped.abort(),
    close,
    [Symbol.asyncDispose]: close,
    async *[Symbol.asyncIterator]() {
      let complaint: string | undefined;
      for await (const _ of ticks(parts.interval * 1000, stopped.signal)) {
        try {
          const { snapshot } = await measure();
          complaint = undefined;
          yield snapshot;
        } catch (error) {
          const { message } = error as EnergyError;
          if (message !== complaint) log(`${message}; the next snapshot will cover this time, too`);
          complaint = message;
        }
      }
    },
  };
}
