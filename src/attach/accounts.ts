// SPDX-License-Identifier: Apache-2.0
import { type ProcessKey, startTicks } from '../host/procfs.ts';
import { containerDirectoryOf } from '../identity/container.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Measurement } from '../snapshot/measure.ts';
import type { Reading, Sum } from './protocol.ts';

type Measured = Pick<Measurement, 'snapshot'> & {
  readonly charges: Pick<Measurement['charges'], 'table'>;
};

/** A process as procfs names it: a pid that is used again has another start. */
export interface AttachedProcess {
  readonly pid: number;
  readonly startTicks: number;
}

/** What one adds up, and as much of it as may be shown. */
class Tally {
  readonly since: string;
  #now = { elapsed_s: 0, energy_j: 0, energy_err_j: 0 as number | null, cpu_time_s: 0 };
  #shown = this.#now;

  constructor(since: string) {
    this.since = since;
  }

  add(joules: number, error: number | null, seconds: number): void {
    const { energy_j, energy_err_j, cpu_time_s } = this.#now;
    this.#now = {
      ...this.#now,
      energy_j: energy_j + joules,
      energy_err_j: energy_err_j === null || error === null ? null : energy_err_j + error,
      cpu_time_s: cpu_time_s + seconds,
    };
  }

  /** An interval is over; what is in it is shown now, or later. */
  endInterval(seconds: number, isShown: boolean): void {
    this.#now = { ...this.#now, elapsed_s: this.#now.elapsed_s + seconds };
    if (isShown) this.#shown = this.#now;
  }

  get shown(): Sum {
    return { since: this.since, ...this.#shown };
  }
}

interface ContainerAccount {
  readonly id: string;
  /** Of its cgroup: all that is in it, and nothing else whatever its name, is the container's. */
  readonly directory: string;
  readonly tally: Tally;
}

interface Account extends AttachedProcess {
  readonly tally: Tally;
  peers: number;
  container: ContainerAccount | undefined;
}

/** Kept for peers that come again, at most so many; the one that left first is forgotten. */
const KEEP_LEFT = 64;
/** A second that is a little shorter, since timers are not exact, counts. */
const TOLERANCE = 0.1;

/**
 * What processes used since they are attached, whether or not the ledger has a series of them; beside them the containers
 * that they are in. What is shown of it is `leastAgeMs` apart: energy is a side channel.
 */
export class Accounts {
  readonly #proc: string;
  readonly #leastAgeMs: number;
  readonly #accounts = new Map<number, Account>();
  readonly #containers = new Map<string, ContainerAccount>();
  readonly #now: () => number;
  #shownMs = -Infinity;
  #addedTime = new Date().toISOString();
  #shown: Pick<Reading, 'time' | 'seq' | 'source'> | undefined;
  #seq = 0;

  constructor(options: { proc: string; leastAgeMs: number; now?: () => number }) {
    this.#proc = options.proc;
    this.#leastAgeMs = options.leastAgeMs;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Number of the last interval that is shown; 0: none is. */
  get shownSeq(): number {
    return this.#shown?.seq ?? 0;
  }

  /** Begins to add up what a process uses, or goes on where it was attached a moment ago. */
  attach({ pid, startTicks: ticks }: AttachedProcess): void {
    let account = this.#accounts.get(pid);
    if (account?.startTicks !== ticks)
      account = { pid, startTicks: ticks, tally: new Tally(this.#addedTime), peers: 0, container: undefined };
    account.peers++;
    // The last of the map is the one that came last.
    this.#accounts.delete(pid);
    this.#accounts.set(pid, account);
  }

  detach({ pid, startTicks: ticks }: AttachedProcess): void {
    const account = this.#accounts.get(pid);
    if (account?.startTicks !== ticks) return;
    account.peers--;
    const left = [...this.#accounts.values()].filter(({ peers }) => peers === 0);
    for (const one of left.slice(0, Math.max(0, left.length - KEEP_LEFT))) this.#accounts.delete(one.pid);
    this.#forgetContainers();
  }

  /** What is shown of a process, with its container if that is wanted; undefined before the first interval. */
  reading({ pid, startTicks: ticks }: AttachedProcess, withContainer: boolean): Reading | undefined {
    const account = this.#accounts.get(pid);
    if (!this.#shown || account?.startTicks !== ticks) return undefined;
    const { container, tally } = account;
    return {
      ...this.#shown,
      process: { pid, ...tally.shown },
      ...(withContainer && container && { container: { id: container.id, ...container.tally.shown } }),
    };
  }

  /** Takes an interval in. True: there is something new to show. */
  add({ snapshot, charges }: Measured): boolean {
    const nowMs = this.#now();
    const isShown = nowMs - this.#shownMs >= this.#leastAgeMs * (1 - TOLERANCE);
    this.#seq++;
    if (this.#accounts.size > 0) this.#charge(snapshot, charges);
    const tallies = [...this.#accounts.values(), ...this.#containers.values()].map(({ tally }) => tally);
    for (const tally of tallies) tally.endInterval(snapshot.interval_s, isShown);
    this.#addedTime = snapshot.time;
    if (!isShown) return false;
    this.#shownMs = nowMs;
    this.#shown = { time: snapshot.time, seq: this.#seq, source: snapshot.source };
    return true;
  }

  #charge(snapshot: Snapshot, charges: Measured['charges']): void {
    const cgroups = new Map(snapshot.cgroups.map((row) => [row.id, row]));
    const chargeOne = (
      process: ProcessKey,
      cgroup: number,
      used: readonly [number, number | null, number],
    ): void => {
      const account = this.#accounts.get(process.pid);
      if (account?.startTicks !== startTicks(process.startNs, this.#proc)) return;
      account.tally.add(...used);
      account.container = this.#containerIn(cgroups.get(String(cgroup)));
    };
    // Without an object for each process of the machine.
    const { pid, startNs, joules, uncertainJoules, seconds, length } = charges.table;
    for (let i = 0; i < length; i++) {
      if (!this.#accounts.has(pid[i]!)) continue;
      const error = uncertainJoules?.[i] ?? NaN;
      const used = [joules[i]!, Number.isNaN(error) ? null : error, seconds[i]!] as const;
      chargeOne({ pid: pid[i]!, startNs: startNs[i]! }, charges.table.cgroupId(i), used);
    }
    this.#forgetContainers();
    for (const { path, energy_j, cpu_time_s } of snapshot.cgroups)
      for (const { directory, tally } of this.#containers.values())
        if (path === directory || path.startsWith(`${directory}/`)) tally.add(energy_j, null, cpu_time_s);
  }

  /**
   * The container that a cgroup is in. Its directory makes the difference: whoever may make cgroups in one container can give
   * them the name of another, but they are below their own.
   */
  #containerIn(row: Snapshot['cgroups'][number] | undefined): ContainerAccount | undefined {
    const directory = row && row.container_id !== null ? containerDirectoryOf(row.path) : undefined;
    if (directory === undefined) return undefined;
    let container = this.#containers.get(directory);
    if (!container) {
      container = { id: row!.container_id!, directory, tally: new Tally(this.#addedTime) };
      this.#containers.set(directory, container);
    }
    return container;
  }

  #forgetContainers(): void {
    const used = new Set([...this.#accounts.values()].map(({ container }) => container));
    for (const [directory, container] of this.#containers)
      if (!used.has(container)) this.#containers.delete(directory);
  }
}
