// SPDX-License-Identifier: Apache-2.0
import type { LedgerLimits } from '../settings/types.ts';
import { OTHER, type CgroupUsage, type Snapshot, UNKNOWN, type ZoneUsage } from '../model/snapshot.ts';
import { isNamedByUser } from '../identity/container.ts';
import { eachProcess } from '../snapshot/process-rows.ts';
import { atOnce, each } from '../util/cooperative.ts';
import { ContainerPaths } from './container-paths.ts';
import { Partition } from './partition.ts';
import { ProcessSeries } from './processes.ts';
import { type ReaderOptions, Receipts } from './receipts.ts';
import {
  allSeries,
  type AttributedOwner,
  type CgroupOwner,
  type ContainerOwner,
  type DomainOwner,
  type HardwareOwner,
  type LedgerReading,
  type ProcessOwner,
  REASONS,
  SELF,
  type SelfOwner,
  type SeriesReading,
  type UnattributedOwner,
} from './reading.ts';
import type { Entry } from './series.ts';

/** A view of the ledger for one exporter or scraper. */
export interface LedgerReader {
  /** End of the last interval that a collection has, monotonic, ms; undefined before the first one. */
  latestMs(): number | undefined;
  /** All that this reader has not received yet; undefined before the first interval. May be called again and again. */
  collect(): LedgerReading | undefined;
  /** These have arrived, a part of the last collection or all of it. What has not is in the next one again. */
  received(series?: Iterable<SeriesReading<unknown>>): void;
  /** Nobody waits any more for what this reader has not seen. */
  close(): void;
}

/** Whether what a series is of is still there; true where that cannot be told. */
export interface Existence {
  cgroup(path: string): boolean;
}

interface Shown {
  readonly interval: number;
  readonly nowMs: number | undefined;
  readonly source: Snapshot['source'] | undefined;
}

/** A series that has ended is kept for a reader that comes rarely, but not for ever, ms. */
const KEEP_ENDED_MS = 300_000;

/**
 * Adds up snapshots into bounded series. A Joule is added to one series of each metric when it is used, and never moves:
 * so whatever a back end makes of the series, `rate()` and `increase()` count it once.
 *
 * Time is monotonic here; views turn it into wall time.
 */
export class Ledger {
  readonly #clock: () => number;
  readonly #readers = new Set<Receipts>();
  readonly #hardware = new Partition<HardwareOwner>(Infinity);
  readonly #domains = new Partition<DomainOwner>(Infinity);
  readonly #unattributed = new Partition<UnattributedOwner>(Infinity);
  readonly #attributed = new Partition<AttributedOwner>(Infinity);
  readonly #self = new Partition<SelfOwner>(Infinity, new Map(SELF.map((name) => [name, name])));
  readonly #processes: ProcessSeries;
  readonly #cgroups: Partition<CgroupOwner>;
  readonly #containers: Partition<ContainerOwner>;
  readonly #paths = new ContainerPaths();
  /** End of the last interval, and how many there were. */
  #nowMs: number | undefined;
  #intervals = 0;
  #source: Snapshot['source'] | undefined;
  /** What readers are shown: the ledger as it was after that interval. */
  #shown: Shown = { interval: 0, nowMs: undefined, source: undefined };
  #isHeld = false;

  /** `clock`: monotonic time, ms. */
  constructor(limits: LedgerLimits, clock: () => number = () => performance.now()) {
    this.#clock = clock;
    this.#processes = new ProcessSeries(limits);
    const paths = [OTHER, UNKNOWN].map((path) => [path, { path }] as const);
    this.#cgroups = new Partition(limits.cgroups, new Map(paths), OTHER);
    this.#containers = new Partition(limits.containers, new Map([[OTHER, OTHER_CONTAINERS]]), OTHER);
  }

  /** A view for one reader: what has ended is shown to each reader once more. */
  reader(options?: ReaderOptions): LedgerReader {
    const receipts = new Receipts(options);
    this.#readers.add(receipts);
    let last: LedgerReading | undefined;
    return {
      latestMs: () => this.#shown.nowMs,
      collect: () => (last = this.#read(receipts)),
      received: (series) => {
        if (last) receipts.receive(series ?? allSeries(last), last.nowMs);
      },
      close: () => void this.#readers.delete(receipts),
    };
  }

  add(snapshot: Snapshot): void {
    atOnce(this.adding(snapshot));
  }

  /**
   * `add` in steps, one interval after the other. The ledger can be read between any two: until the last one readers are
   * shown what was in it before the first, and that closes.
   */
  *adding(snapshot: Snapshot): Generator<void, void> {
    const plan = yield* this.#processes.plan(eachProcess(snapshot));
    const toMs = this.#clock();
    const fromMs = this.#nowMs ?? toMs - snapshot.interval_s * 1000;
    const span = { fromMs, toMs, shown: this.#shown.interval };
    this.#intervals++;
    this.#nowMs = toMs;
    this.#source = snapshot.source;
    yield* this.#forget(toMs);
    yield* this.#processes.add(plan, span, (sinceMs) => this.#hasBeenExportedTwice(sinceMs));
    yield* each(snapshot.cgroups, (cgroup) => this.#addCgroup(cgroup));
    this.#addHardware(snapshot);
    for (const name of SELF) this.#self.add(name, name, snapshot.self[name]);
    for (const part of this.#partitions()) yield* part.settle(span);
    if (!this.#isHeld) this.show();
  }

  /** From now on all readers are shown what is in the ledger now, whatever is added, until `show()`. */
  hold(): void {
    this.#isHeld = this.#nowMs !== undefined;
  }

  /** Readers are shown all that is in the ledger again. Not to be called while an interval is being added. */
  show(): void {
    this.#isHeld = false;
    this.#shown = { interval: this.#intervals, nowMs: this.#nowMs, source: this.#source };
  }

  endRemoved(exists: Existence): void {
    atOnce(this.endingRemoved(exists));
  }

  /**
   * Ends, in steps, the series of cgroups and containers that are no more, of those that used nothing in the last interval.
   * Not while an interval is being added.
   */
  *endingRemoved(exists: Existence): Generator<void, void> {
    const nowMs = this.#nowMs;
    if (nowMs === undefined) return;
    const isOver = (place: string): boolean => this.#paths.areAllGone(place, exists);
    yield* this.#cgroups.endIdle(nowMs, ({ path }) => !exists.cgroup(path));
    yield* this.#containers.endIdle(nowMs, (owner) => isOver(placeOf(owner)));
    yield* this.#processes.endIdle(nowMs, ({ containerId }) => containerId !== null && isOver(containerId));
    this.#paths.keep(this.#containersWithSeries());
  }

  /** Series that the ledger holds. */
  get size(): number {
    return this.#partitions().reduce((size, part) => size + part.size, this.#processes.size);
  }

  #partitions(): Pick<Partition<unknown>, 'size' | 'settle' | 'forget' | 'entries'>[] {
    return [
      this.#hardware,
      this.#domains,
      this.#unattributed,
      this.#attributed,
      this.#self,
      this.#cgroups,
      this.#containers,
    ];
  }

  #addCgroup(cgroup: CgroupUsage): void {
    const { path, container_id: containerId, energy_j } = cgroup;
    this.#cgroups.add(path, { path }, energy_j);
    const { container_runtime: runtime, pod_uid: podUid, names = {} } = cgroup;
    // A user may name a cgroup like anybody's pod.
    if (containerId === null && (podUid === null || isNamedByUser(path))) return;
    this.#paths.add(placeOf({ containerId, podUid }), path);
    // Names that become known later make another series: one whose labels change would not begin at 0.
    const key = `${containerId} ${JSON.stringify([runtime, podUid, names])}`;
    this.#containers.add(key, { containerId, runtime, podUid, names }, energy_j);
  }

  #containersWithSeries(): Set<string> {
    const ids = new Set<string>();
    for (const { owner, endedMs } of this.#containers.entries())
      if (endedMs === undefined) ids.add(placeOf(owner));
    for (const { owner, endedMs } of this.#processes.entries())
      if (endedMs === undefined && owner.containerId !== null) ids.add(owner.containerId);
    return ids;
  }

  #addHardware({ zones, domains }: Snapshot): void {
    for (const zone of zones) {
      this.#hardware.add(zone.id, { id: zone.id, parent: zone.parent }, zone.counter_j);
      for (const reason of REASONS) {
        const joules = zone[`${reason}_j`];
        // A core shares nothing; what may be lost one day is 0 from the start.
        if (reason === 'shared' && joules === 0) continue;
        this.#unattributed.add(`${zone.id} ${reason}`, { hardwareId: zone.id, reason }, joules);
      }
      this.#addAttributed(zone);
    }
    for (const { counter_j, ...owner } of domains) this.#domains.add(owner.id, owner, counter_j);
  }

  #addAttributed({ id, attribution, counter_j, gap_j, lost_j }: ZoneUsage): void {
    if (attribution === null) return;
    this.#attributed.add(`${id} ${attribution}`, { hardwareId: id, attribution }, counter_j - gap_j - lost_j);
  }

  /** Whether each reader that still comes has collected twice since; a collection at that moment is none since. */
  #hasBeenExportedTwice(sinceMs: number): boolean {
    const active = this.#activeReaders();
    return active.length > 0 && active.every(({ beforeLastMs }) => (beforeLastMs ?? -Infinity) > sinceMs);
  }

  #activeReaders(): Receipts[] {
    const oldestMs = (this.#nowMs ?? 0) - KEEP_ENDED_MS;
    return [...this.#readers].filter(({ beforeMs }) => (beforeMs ?? -Infinity) >= oldestMs);
  }

  /** Takes out what has ended and was seen by all, or too long ago. */
  *#forget(nowMs: number): Generator<void, void> {
    // Readers are still shown it.
    if (this.#isHeld) return;
    const readers = [...this.#readers];
    const isDone = (entry: Entry<unknown>): boolean => {
      const done =
        nowMs - entry.endedMs! > KEEP_ENDED_MS || readers.every((reader) => reader.hasSeenEnd(entry));
      if (done) for (const reader of readers) reader.forget(entry);
      return done;
    };
    for (const part of [...this.#partitions(), this.#processes]) yield* part.forget(isDone);
  }

  #read(receipts: Receipts): LedgerReading | undefined {
    const { interval, nowMs, source } = this.#shown;
    if (!source || nowMs === undefined) return undefined;
    return {
      kind: source.kind,
      covers: source.estimate?.covers,
      domain: source.domain,
      nowMs,
      beforeMs: receipts.beforeMs,
      hardware: receipts.read(this.#hardware.entries(), interval),
      domains: receipts.read(this.#domains.entries(), interval),
      processes: receipts.read<ProcessOwner>(this.#processes.entries(), interval),
      cgroups: receipts.read(this.#cgroups.entries(), interval),
      containers: receipts.read(this.#containers.entries(), interval),
      unattributed: receipts.read(this.#unattributed.entries(), interval),
      attributed: receipts.read(this.#attributed.entries(), interval),
      self: receipts.read(this.#self.entries(), interval),
    };
  }
}

/** What the cgroups of a container, or of a pod of which no container is known, are kept under. */
function placeOf({ containerId, podUid }: Pick<ContainerOwner, 'containerId' | 'podUid'>): string {
  return containerId ?? `pod ${podUid}`;
}

const OTHER_CONTAINERS: ContainerOwner = { containerId: OTHER, runtime: null, podUid: null, names: {} };
