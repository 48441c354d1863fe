// SPDX-License-Identifier: Apache-2.0
import { OTHER, type ProcessUsage, type Snapshot } from './snapshot.ts';
import type { SourceKind } from './sources/source.ts';

/** A cumulative sum in Joules and when counting it began (ms since the epoch). */
export interface Series {
  readonly joules: number;
  readonly since: number;
}

export interface HardwareSeries extends Series {
  readonly id: string;
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

export const REMOVED = '(removed)';

/** An ended series is kept for a reader that comes rarely (a scrape), but not for ever: 5 minutes. */
const KEEP_ENDED_MS = 300_000;
/** When room is short, who has used nothing for 10 minutes gives up its series. */
const KEEP_INACTIVE_MS = 600_000;

interface Account {
  joules: number;
  readonly since: number;
}

interface ProcessAccount extends Account {
  readonly pid: number;
  readonly creationTime: string;
  readonly executable: string;
  readonly containerId: string | null;
  /** When it was last charged, ms. */
  active: number;
  /** When the process ended, ms; 0 while it lives. */
  ended: number;
  /** Readers that have seen the account since it ended. */
  readonly seen: Set<object>;
}

/**
 * Adds up snapshots into cumulative, bounded series.
 *
 * A process has a series of its own while it lives; after every reader has seen its last value once, its
 * Joules move to the series of its executable, so that no sum by executable ever falls. All that has no
 * room is in `(other)`. So the sums are exact whatever the limits are.
 */
export class Ledger {
  readonly #limits: LedgerLimits;
  readonly #readers = new Set<object>();
  readonly #processes = new Map<string, ProcessAccount>();
  readonly #current = new Map<string, string>();
  readonly #executables = new Map<string, Account>();
  readonly #cgroups = new Map<string, Account>();
  readonly #containers = new Map<string, Account>();
  readonly #hardware = new Map<string, Account>();
  readonly #unattributed = new Map<
    string,
    Account & { hardwareId: string; reason: UnattributedSeries['reason'] }
  >();
  readonly #self = { switches: 0, lost: 0, rebinds: 0, cpuTimeSeconds: 0, joules: 0 };
  #since = 0;
  #last: Snapshot | undefined;

  constructor(limits: Partial<LedgerLimits> = {}) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /** A view of the ledger for one reader. An ended process is shown to each reader once. */
  reader(): () => LedgerReading | undefined {
    const reader = {};
    this.#readers.add(reader);
    return () => this.#read(reader);
  }

  add(snapshot: Snapshot): void {
    const time = Date.parse(snapshot.time);
    const since = time - Math.max(1, Math.round(snapshot.interval_s * 1000));
    this.#since ||= since;
    this.#last = snapshot;
    this.#fold(time);

    for (const process of snapshot.processes) this.#addProcess(process, since, time);
    for (const cgroup of snapshot.cgroups) {
      this.#addBounded(this.#cgroups, this.#limits.cgroups, cgroup.path, cgroup.energy_j, since);
      if (cgroup.container_id !== null) {
        this.#addBounded(
          this.#containers,
          this.#limits.containers,
          cgroup.container_id,
          cgroup.energy_j,
          since,
        );
      }
    }
    for (const zone of snapshot.zones) {
      addTo(this.#hardware, zone.id, zone.counter_j, since);
      for (const reason of ['idle', 'gap', 'lost', 'shared'] as const) {
        const joules = zone[`${reason}_j`];
        const key = `${zone.id} ${reason}`;
        const account = this.#unattributed.get(key);
        if (account) account.joules += joules;
        // Idle is always shown; a reason for loss once there is one.
        else if (joules !== 0 || reason === 'idle')
          this.#unattributed.set(key, { hardwareId: zone.id, reason, joules, since });
      }
    }
    this.#self.switches += snapshot.self.switches;
    this.#self.lost += snapshot.self.lost;
    this.#self.rebinds += snapshot.self.rebinds;
    this.#self.cpuTimeSeconds += snapshot.self.cpu_time_s;
    this.#self.joules += snapshot.self.energy_j;
  }

  /** A cgroup is gone: its Joules move to `(removed)`. */
  removeCgroup(path: string): void {
    const account = this.#cgroups.get(path);
    if (!account || path === REMOVED || path === OTHER) return;
    this.#cgroups.delete(path);
    addTo(this.#cgroups, REMOVED, account.joules, this.#since);
  }

  /** Series that a reading holds. */
  get size(): number {
    const all = [this.#processes, this.#executables, this.#cgroups, this.#containers];
    return [...all, this.#hardware, this.#unattributed].reduce((sum, accounts) => sum + accounts.size, 0);
  }

  /** Paths that have a series. */
  get cgroupPaths(): string[] {
    return [...this.#cgroups.keys()];
  }

  #read(reader: object): LedgerReading | undefined {
    const last = this.#last;
    if (!last) return undefined;
    for (const account of this.#processes.values()) if (account.ended) account.seen.add(reader);
    return {
      kind: last.source.kind,
      domain: last.source.domain,
      time: Date.parse(last.time),
      hardware: [...this.#hardware].map(([id, account]) => ({ id, ...account })),
      processes: [
        ...[...this.#processes.values()].map(({ active: _, ended: __, seen: ___, ...series }) => series),
        ...[...this.#executables].map(([executable, account]) => ({
          pid: null,
          creationTime: null,
          executable,
          containerId: null,
          ...account,
        })),
      ],
      cgroups: [...this.#cgroups].map(([path, account]) => ({ path, ...account })),
      containers: [...this.#containers].map(([containerId, account]) => ({ containerId, ...account })),
      unattributed: [...this.#unattributed.values()].map((account) => ({ ...account })),
      self: { since: this.#since, ...this.#self },
    };
  }

  #addProcess(process: ProcessUsage, since: number, time: number): void {
    const { pid, creation_time: creationTime, executable, container_id: containerId } = process;
    if (pid === null || creationTime === null) {
      this.#addExecutable(executable, process.energy_j);
      return;
    }
    // An exec gives a process another name: another series, while the one of the old name has ended.
    const identity = `${pid} ${creationTime}`;
    const key = `${identity} ${containerId} ${executable}`;
    const former = this.#processes.get(this.#current.get(identity) ?? '');
    if (former && this.#current.get(identity) !== key) former.ended ||= time;
    let account = this.#processes.get(key);
    if (!account) {
      if (this.#processes.size >= this.#limits.processes) {
        this.#addExecutable(OTHER, process.energy_j);
        return;
      }
      account = {
        pid,
        creationTime,
        executable,
        containerId,
        joules: 0,
        since,
        active: time,
        ended: 0,
        seen: new Set(),
      };
      this.#processes.set(key, account);
    }
    account.joules += process.energy_j;
    account.active = time;
    account.ended = process.exited ? time : 0;
    account.seen.clear();
    if (process.exited) this.#current.delete(identity);
    else this.#current.set(identity, key);
  }

  #addExecutable(executable: string, joules: number): void {
    this.#addBounded(this.#executables, this.#limits.executables, executable, joules, this.#since);
  }

  #addBounded(
    accounts: Map<string, Account>,
    limit: number,
    name: string,
    joules: number,
    since: number,
  ): void {
    // One place is kept for `(other)` and one for `(removed)`.
    const fits = accounts.has(name) || name === OTHER || name === REMOVED || accounts.size < limit - 2;
    addTo(accounts, fits ? name : OTHER, joules, fits ? since : this.#since);
  }

  /** Moves the Joules of series that are over to their executables'. */
  #fold(time: number): void {
    const full = this.#processes.size >= this.#limits.processes;
    for (const [key, account] of this.#processes) {
      const seenByAll = [...this.#readers].every((reader) => account.seen.has(reader));
      const over = account.ended && (seenByAll || full || time - account.ended > KEEP_ENDED_MS);
      if (!over && !(full && time - account.active > KEEP_INACTIVE_MS)) continue;
      this.#processes.delete(key);
      const identity = `${account.pid} ${account.creationTime}`;
      if (this.#current.get(identity) === key) this.#current.delete(identity);
      this.#addExecutable(account.executable, account.joules);
    }
  }
}

function addTo(accounts: Map<string, Account>, name: string, joules: number, since: number): void {
  const account = accounts.get(name);
  if (account) account.joules += joules;
  else accounts.set(name, { joules, since });
}
