// SPDX-License-Identifier: Apache-2.0
import { type Account, Accounts, type Series, type Times } from './accounts.ts';

import { type DomainUsage, OTHER, type ProcessUsage, REMOVED, type Snapshot } from './snapshot.ts';
import type { SourceKind } from './sources/source.ts';

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

/** pid and creationTime are null in the series of an executable (its ended processes) and in `(other)`. */
export interface ProcessSeries extends Series {
  readonly pid: number | null;
  readonly creationTime: string | null;
  readonly executable: string;
  readonly containerId: string | null;
}

export interface CgroupSeries extends Series {
  readonly path: string;
}

export interface ContainerSeries extends Series {
  readonly containerId: string;
  /** `container.runtime.name` and `k8s.pod.uid` where known. */
  readonly runtime: string | null;
  readonly podUid: string | null;
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
    readonly rebinds: number;
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

interface Process {
  readonly pid: number | null;
  readonly creationTime: string | null;
  readonly executable: string;
  readonly containerId: string | null;
}

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
  readonly #processes: Accounts<Process>;
  /** Key of the account that a live process is charged to: an exec makes it another one. */
  readonly #current = new Map<string, string>();
  readonly #executables: Accounts<Process>;
  readonly #cgroups: Accounts<Cgroup>;
  readonly #containers: Accounts<Container>;
  readonly #hardware = new Accounts<Hardware>(Infinity);
  readonly #domains = new Accounts<Domain>(Infinity);
  readonly #unattributed = new Accounts<Reason>(Infinity);
  readonly #self = { switches: 0, lost: 0, rebinds: 0, cpuTimeSeconds: 0, joules: 0 };
  #since = 0;
  #last: Snapshot | undefined;

  constructor(limits: Partial<LedgerLimits> = {}) {
    const { processes, executables, cgroups, containers } = { ...DEFAULT_LIMITS, ...limits };
    this.#processes = new Accounts(processes);
    // One place is kept for `(other)`, and where owners can be removed one for `(removed)`.
    this.#executables = new Accounts(executables - 1);
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
    const now = Date.parse(snapshot.time);
    const times = { since: now - Math.max(1, Math.round(snapshot.interval_s * 1000)), now };
    this.#since ||= times.since;
    this.#last = snapshot;
    this.#fold(now);
    for (const accounts of [this.#processes, this.#cgroups, this.#containers]) accounts.beginInterval();

    // The largest first: they are to have the places.
    for (const process of largestFirst(snapshot.processes)) this.#addProcess(process, times);
    for (const cgroup of largestFirst(snapshot.cgroups)) {
      const { container_id: containerId, energy_j } = cgroup;
      this.#addCgroup({ path: cgroup.path, containerId }, energy_j, times);
      if (containerId === null) continue;
      const { container_runtime: runtime, pod_uid: podUid } = cgroup;
      this.#addContainer({ containerId, runtime, podUid }, energy_j, times);
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
    this.#self.rebinds += snapshot.self.rebinds;
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
    const all = [this.#processes, this.#executables, this.#cgroups, this.#containers];
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
      hardware: this.#hardware.read(reader).map(series((zone) => zone)),
      domains: this.#domains.read(reader).map(series((domain) => domain)),
      processes: [...this.#processes.read(reader), ...this.#executables.read(reader)].map(
        series((process) => process),
      ),
      cgroups: this.#cgroups.read(reader).map(series(({ path }) => ({ path }))),
      containers: this.#containers.read(reader).map(series((container) => container)),
      unattributed: this.#unattributed.read(reader).map(series((reason) => reason)),
      self: { since: this.#since, ...this.#self },
    };
  }

  #addProcess(usage: ProcessUsage, times: Times): void {
    const { pid, creation_time: creationTime, executable, container_id: containerId, energy_j } = usage;
    if (pid === null) {
      this.#addExecutable(executable, energy_j, times.now);
      return;
    }
    const identity = `${pid} ${creationTime}`;
    const key = `${identity} ${containerId} ${executable}`;
    const former = this.#current.get(identity);
    if (former !== undefined && former !== key) this.#processes.end(former, times.now);
    if (!this.#processes.has(key) && this.#processes.full) {
      const weaker = this.#processes.giveWay(energy_j, times.now);
      if (!weaker) {
        this.#current.delete(identity);
        this.#addExecutable(executable, energy_j, times.now);
        return;
      }
      this.#takeFromProcess(weaker, times.now);
    }
    this.#processes.add(key, { pid, creationTime, executable, containerId }, energy_j, times);
    if (usage.exited) {
      this.#processes.end(key, times.now);
      this.#current.delete(identity);
    } else {
      this.#current.set(identity, key);
    }
  }

  /** A process has given up its series: its Joules move to its executable's. */
  #takeFromProcess({ key, owner, joules }: Account<Process> & { readonly key: string }, now: number): void {
    const identity = `${owner.pid} ${owner.creationTime}`;
    if (this.#current.get(identity) === key) this.#current.delete(identity);
    this.#addExecutable(owner.executable, joules, now);
  }

  #addExecutable(executable: string, joules: number, now: number): void {
    const times = { since: this.#since, now };
    const owner = { pid: null, creationTime: null, containerId: null };
    // Nobody gives way here: sums by executable would fall.
    if (this.#executables.add(executable, { ...owner, executable }, joules, times)) return;
    this.#executables.addForGood(OTHER, { ...owner, executable: OTHER }, joules, times);
  }

  #addCgroup(cgroup: Cgroup, joules: number, times: Times): void {
    const heir = (path: string): Cgroup => ({ path, containerId: null });
    this.#addOrOther(this.#cgroups, cgroup.path, cgroup, heir, joules, times);
  }

  #addContainer(container: Container, joules: number, times: Times): void {
    const heir = (containerId: string): Container => ({ containerId, runtime: null, podUid: null });
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
    for (const account of this.#processes.takeOver(this.#readers, now)) this.#takeFromProcess(account, now);
    const times = { since: this.#since, now };
    for (const { joules, ended } of this.#cgroups.takeOver(this.#readers, now)) {
      this.#addCgroup({ path: ended ? REMOVED : OTHER, containerId: null }, joules, times);
    }
    for (const { joules, ended } of this.#containers.takeOver(this.#readers, now)) {
      const containerId = ended ? REMOVED : OTHER;
      this.#addContainer({ containerId, runtime: null, podUid: null }, joules, times);
    }
  }
}

function largestFirst<T extends { readonly energy_j: number }>(usages: readonly T[]): T[] {
  return usages.toSorted((a, b) => b.energy_j - a.energy_j);
}

/** From an account to a series with its owner's attributes. */
function series<Owner, Attributes extends object>(
  attributes: (owner: Owner) => Attributes,
): (account: Account<Owner>) => Attributes & Series {
  return ({ owner, joules, since }) => ({ ...attributes(owner), joules, since });
}
