// SPDX-License-Identifier: Apache-2.0
import { Accounts, largestFirst, type Series, type Times } from './accounts.ts';
import type { ContainerNames } from '../model/container.ts';
import { addIncidents, type Incidents, NO_INCIDENTS } from '../model/counter-events.ts';
import { type Process, ProcessAccounts } from './process-accounts.ts';
import { atOnce } from '../util/cooperative.ts';
import { type DomainUsage, OTHER, REMOVED, type Snapshot } from '../model/snapshot.ts';
import type { SourceKind } from '../model/source.ts';

export type { Series } from './accounts.ts';

export interface HardwareSeries extends Series {
  readonly id: string;
  /** `hw.id` of what it is a part of. */
  readonly parent: string | null;
}

/** A counter that is no part of the CPUs' ledger. */
export interface DomainSeries extends HardwareSeries {
  readonly type: DomainUsage['type'];
}

export type ProcessSeries = Process & Series;

export interface CgroupSeries extends Series {
  readonly path: string;
}

export interface ContainerSeries extends Series {
  readonly containerId: string;
  /** `container.runtime.name` and `k8s.pod.uid` where known. */
  readonly runtime: string | null;
  readonly podUid: string | null;
  /** The latest: they may become known some time after the container. */
  readonly names: ContainerNames;
}

export interface UnattributedSeries extends Series {
  readonly hardwareId: string;
  readonly reason: 'idle' | 'gap' | 'lost' | 'shared';
}

/**
 * Everything that is exported at one collection.
 * Σ hardware = Σ processes + Σ unattributed, Σ processes = Σ cgroups.
 */
export interface LedgerReading {
  readonly kind: SourceKind;
  /** Value of `hw.type`. */
  readonly domain: string;
  /** End of the last interval, ms since the epoch: the end time of every point. */
  readonly time: number;
  readonly hardware: readonly HardwareSeries[];
  readonly domains: readonly DomainSeries[];
  readonly processes: readonly ProcessSeries[];
  readonly cgroups: readonly CgroupSeries[];
  readonly containers: readonly ContainerSeries[];
  readonly unattributed: readonly UnattributedSeries[];
  readonly self: {
    readonly since: number;
    readonly switches: number;
    readonly lost: number;
    readonly incidents: Incidents;
    readonly cpuTimeSeconds: number;
    readonly joules: number;
  };
}

/** The most series of each kind; what does not fit is in one series named `(other)`. */
export interface LedgerLimits {
  readonly processes: number;
  readonly executables: number;
  readonly cgroups: number;
  readonly containers: number;
}

export const DEFAULT_LIMITS: LedgerLimits = {
  processes: 1000,
  executables: 1000,
  cgroups: 1000,
  containers: 1000,
};

interface Cgroup {
  readonly path: string;
  readonly containerId: string | null;
}

type Hardware = Omit<HardwareSeries, keyof Series>;
type Domain = Omit<DomainSeries, keyof Series>;
type Container = Omit<ContainerSeries, keyof Series>;

interface Reason {
  readonly hardwareId: string;
  readonly reason: UnattributedSeries['reason'];
}

/**
 * Adds up snapshots into cumulative, bounded series.
 *
 * A process has a series of its own while it lives; after every reader has seen its last value, its Joules
 * move to the series of its executable, so that no sum by executable falls. Where room is short the largest
 * have it; what a process without a place uses goes to its executable's series as well. A removed cgroup's
 * Joules move to `(removed)`, and all else that has no room is in `(other)`: the sums are exact whatever the
 * limits are.
 */
export class Ledger {
  readonly #readers = new Set<object>();
  readonly #processes: ProcessAccounts;
  readonly #cgroups: Accounts<Cgroup>;
  readonly #containers: Accounts<Container>;
  readonly #hardware = new Accounts<Hardware>(Infinity);
  readonly #domains = new Accounts<Domain>(Infinity);
  readonly #unattributed = new Accounts<Reason>(Infinity);
  readonly #self = { switches: 0, lost: 0, incidents: NO_INCIDENTS, cpuTimeSeconds: 0, joules: 0 };
  #since = 0;
  #last: Snapshot | undefined;

  constructor(limits: Partial<LedgerLimits> = {}) {
    const { processes, executables, cgroups, containers } = { ...DEFAULT_LIMITS, ...limits };
    this.#processes = new ProcessAccounts({ processes, executables });
    // Two places are kept for `(other)` and `(removed)`.
    this.#cgroups = new Accounts(cgroups - 2);
    this.#containers = new Accounts(containers - 2);
  }

  /** A view of the ledger for one reader. What has ended is shown to each reader once more. */
  reader(): () => LedgerReading | undefined {
    const reader = {};
    this.#readers.add(reader);
    return () => this.#read(reader);
  }

  add(snapshot: Snapshot): void {
    atOnce(this.adding(snapshot));
  }

  /** `add` in steps. The ledger closes, and can be read, between any two. */
  *adding(snapshot: Snapshot): Generator<void, void> {
    const now = Date.parse(snapshot.time);
    const times = { since: now - Math.max(1, Math.round(snapshot.interval_s * 1000)), now };
    this.#since ||= times.since;
    this.#fold(now);
    for (const accounts of [this.#processes, this.#cgroups, this.#containers]) accounts.beginInterval();
    const plan = yield* this.#processes.plan(snapshot.processes, now);
    // The largest first: they are to have the places.
    const cgroups = largestFirst(snapshot.cgroups);
    yield;

    // From here on all at once.
    this.#last = snapshot;
    this.#processes.add(plan, { since: this.#since, now }, times.since);
    for (const cgroup of cgroups) {
      const { container_id: containerId, energy_j } = cgroup;
      this.#addCgroup({ path: cgroup.path, containerId }, energy_j, times);
      if (containerId === null) continue;
      const { container_runtime: runtime, pod_uid: podUid, names = {} } = cgroup;
      this.#addContainer({ containerId, runtime, podUid, names }, energy_j, times);
    }
    for (const zone of snapshot.zones) {
      this.#hardware.add(zone.id, { id: zone.id, parent: zone.parent }, zone.counter_j, times);
      for (const reason of ['idle', 'gap', 'lost', 'shared'] as const) {
        const joules = zone[`${reason}_j`];
        // Idle is always shown; a reason for loss once there is one.
        if (joules === 0 && reason !== 'idle') continue;
        this.#unattributed.add(`${zone.id} ${reason}`, { hardwareId: zone.id, reason }, joules, times);
      }
    }
    for (const { id, type, parent, counter_j } of snapshot.domains) {
      this.#domains.add(id, { id, type, parent }, counter_j, times);
    }
    this.#self.switches += snapshot.self.switches;
    this.#self.lost += snapshot.self.lost;
    this.#self.incidents = addIncidents(this.#self.incidents, snapshot.self);
    this.#self.cpuTimeSeconds += snapshot.self.cpu_time_s;
    this.#self.joules += snapshot.self.energy_j;
  }

  /** Ends the cgroups that `exists` knows no more, of those that used nothing in the last interval. */
  endRemovedCgroups(exists: (path: string) => boolean): void {
    const now = this.#now();
    for (const { path, containerId } of this.#cgroups.idle(now)) {
      if (exists(path)) continue;
      this.#cgroups.end(path, now);
      if (containerId !== null) this.#containers.end(containerId, now);
    }
  }

  /** Series that a reading holds. */
  get size(): number {
    const all = [this.#processes, this.#cgroups, this.#containers];
    return [...all, this.#hardware, this.#domains, this.#unattributed].reduce(
      (sum, accounts) => sum + accounts.size,
      0,
    );
  }

  #now(): number {
    return this.#last ? Date.parse(this.#last.time) : 0;
  }

  #read(reader: object): LedgerReading | undefined {
    const last = this.#last;
    if (!last) return undefined;
    return {
      kind: last.source.kind,
      domain: last.source.domain,
      time: this.#now(),
      hardware: this.#hardware.read(reader, (zone) => zone),
      domains: this.#domains.read(reader, (domain) => domain),
      processes: this.#processes.read(reader),
      cgroups: this.#cgroups.read(reader, ({ path }) => ({ path })),
      containers: this.#containers.read(reader, (container) => container),
      unattributed: this.#unattributed.read(reader, (reason) => reason),
      self: { since: this.#since, ...this.#self },
    };
  }

  #addCgroup(cgroup: Cgroup, joules: number, times: Times): void {
    const heir = (path: string): Cgroup => ({ path, containerId: null });
    this.#addOrOther(this.#cgroups, cgroup.path, cgroup, heir, joules, times);
  }

  #addContainer(container: Container, joules: number, times: Times): void {
    const heir = (containerId: string): Container => ({
      containerId,
      runtime: null,
      podUid: null,
      names: {},
    });
    this.#addOrOther(this.#containers, container.containerId, container, heir, joules, times);
  }

  #addOrOther<Owner>(
    accounts: Accounts<Owner>,
    key: string,
    owner: Owner,
    heir: (key: string) => Owner,
    joules: number,
    times: Times,
  ): void {
    const ofOld = { since: this.#since, now: times.now };
    if (key === OTHER || key === REMOVED) {
      accounts.addForGood(key, heir(key), joules, ofOld);
      return;
    }
    if (accounts.full && !accounts.has(key)) {
      const weaker = accounts.giveWay(joules, times.now);
      if (weaker) accounts.addForGood(OTHER, heir(OTHER), weaker.joules, ofOld);
    }
    if (!accounts.add(key, owner, joules, times)) accounts.addForGood(OTHER, heir(OTHER), joules, ofOld);
  }

  /** Moves the Joules of what is over to its heir. */
  #fold(now: number): void {
    const times = { since: this.#since, now };
    this.#processes.fold(this.#readers, times);
    for (const { joules, ended } of this.#cgroups.takeOver(this.#readers, now)) {
      this.#addCgroup({ path: ended ? REMOVED : OTHER, containerId: null }, joules, times);
    }
    for (const { joules, ended } of this.#containers.takeOver(this.#readers, now)) {
      const containerId = ended ? REMOVED : OTHER;
      this.#addContainer({ containerId, runtime: null, podUid: null, names: {} }, joules, times);
    }
  }
}
