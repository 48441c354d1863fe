// SPDX-License-Identifier: Apache-2.0
import { type Account, Accounts, largestFirst, type Series, type Times } from './accounts.ts';
import { OTHER, type ProcessUsage } from './snapshot.ts';

/** pid and creationTime are null in the series of an executable (its ended processes) and in `(other)`. */
export interface Process {
  readonly pid: number | null;
  readonly creationTime: string | null;
  readonly executable: string;
  readonly containerId: string | null;
}

type Identified = ProcessUsage & { readonly pid: number };

/**
 * The sums of processes, and of executables for the processes that have ended or have no place.
 *
 * Machines have 10,000 processes and a ledger a tenth of the places, so what is done for every process is a
 * look-up by its pid; only those that have or get a place have a key.
 */
export class ProcessAccounts {
  readonly #limit: number;
  readonly #processes: Accounts<Process>;
  readonly #executables: Accounts<Process>;
  /** By pid: the account that a live process is charged to. An exec makes it another one. */
  readonly #current = new Map<number, { readonly key: string; readonly owner: Process }>();

  constructor(limits: { readonly processes: number; readonly executables: number }) {
    this.#limit = limits.processes;
    this.#processes = new Accounts(limits.processes);
    // One place is kept for `(other)`.
    this.#executables = new Accounts(limits.executables - 1);
  }

  get size(): number {
    return this.#processes.size + this.#executables.size;
  }

  beginInterval(): void {
    this.#processes.beginInterval();
  }

  /** All series, as `reader` sees them. */
  read(reader: object): (Process & Series)[] {
    const itself = (owner: Process): Process => owner;
    return [...this.#processes.read(reader, itself), ...this.#executables.read(reader, itself)];
  }

  /** `times.since` is when the ledger began; a process that is new is counted from `since` on. */
  add(usages: readonly ProcessUsage[], times: Times, since: number): void {
    const own = { since, now: times.now };
    const bar = this.#processes.bar(own.now);
    const newcomers: Identified[] = [];
    const placeless = new Map<string, { joules: number }>();
    const toExecutable = ({ executable, energy_j }: ProcessUsage): void => {
      const sum = placeless.get(executable);
      if (sum) sum.joules += energy_j;
      else placeless.set(executable, { joules: energy_j });
    };
    for (const usage of usages) {
      if (!isIdentified(usage)) toExecutable(usage);
      else if (this.#continue(usage, own)) continue;
      else if (usage.energy_j > bar) newcomers.push(usage);
      else toExecutable(usage);
    }
    // The largest are to have the places: where one finds none, smaller ones need not ask.
    let room = true;
    for (const usage of largestFirst(newcomers, this.#limit)) {
      room &&= this.#open(usage, own, times);
      if (!room) toExecutable(usage);
    }
    for (const [executable, { joules }] of placeless) this.#addExecutable(executable, joules, times);
  }

  /** Moves the Joules of what is over to its executable. */
  fold(readers: ReadonlySet<object>, times: Times): void {
    for (const account of this.#processes.takeOver(readers, times.now)) this.#takeFrom(account, times);
  }

  /** Charges a process to the account it has; false if it has none. */
  #continue(usage: Identified, times: Times): boolean {
    const current = this.#current.get(usage.pid);
    if (!current) return false;
    const { key, owner } = current;
    if (isSame(owner, usage)) {
      this.#charge(key, owner, usage, times);
      return true;
    }
    // Another program now, or another process by the same pid. A last stint of an ended one ends nobody.
    if (owner.creationTime === usage.creation_time || !usage.exited) {
      this.#processes.end(key, times.now);
      this.#current.delete(usage.pid);
    }
    return false;
  }

  /** Opens an account for a process that has none, if there is room or somebody uses much less. */
  #open(usage: Identified, own: Times, times: Times): boolean {
    const { pid, creation_time: creationTime, executable, container_id: containerId, energy_j } = usage;
    const key = `${pid} ${creationTime} ${containerId} ${executable}`;
    if (!this.#processes.has(key) && this.#processes.full) {
      const weaker = this.#processes.giveWay(energy_j, own.now);
      if (!weaker) return false;
      this.#takeFrom(weaker, times);
    }
    this.#charge(key, { pid, creationTime, executable, containerId }, usage, own);
    return true;
  }

  #charge(key: string, owner: Process, { pid, energy_j, exited }: Identified, times: Times): void {
    this.#processes.add(key, owner, energy_j, times);
    if (exited) {
      this.#processes.end(key, times.now);
      if (this.#current.get(pid)?.key === key) this.#current.delete(pid);
    } else if (this.#current.get(pid)?.key !== key) {
      this.#current.set(pid, { key, owner });
    }
  }

  /** A process has given up its series: its Joules move to its executable's. */
  #takeFrom({ key, owner, joules }: Account<Process> & { readonly key: string }, times: Times): void {
    if (owner.pid !== null && this.#current.get(owner.pid)?.key === key) this.#current.delete(owner.pid);
    this.#addExecutable(owner.executable, joules, times);
  }

  #addExecutable(executable: string, joules: number, times: Times): void {
    const owner = { pid: null, creationTime: null, containerId: null };
    // Nobody gives way here: sums by executable would fall.
    if (this.#executables.add(executable, { ...owner, executable }, joules, times)) return;
    this.#executables.addForGood(OTHER, { ...owner, executable: OTHER }, joules, times);
  }
}

function isIdentified(usage: ProcessUsage): usage is Identified {
  return usage.pid !== null;
}

function isSame(owner: Process, usage: ProcessUsage): boolean {
  return (
    owner.creationTime === usage.creation_time &&
    owner.executable === usage.executable &&
    owner.containerId === usage.container_id
  );
}
