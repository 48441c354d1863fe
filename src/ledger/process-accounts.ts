// SPDX-License-Identifier: Apache-2.0
import { type Account, Accounts, largestFirst, type Series, type Times } from './accounts.ts';
import { OTHER, type ProcessUsage } from '../model/snapshot.ts';

/** pid and creationTime are null in the series of an executable (its ended processes) and in `(other)`. */
export interface Process {
  readonly pid: number | null;
  readonly creationTime: string | null;
  readonly executable: string;
  readonly containerId: string | null;
}

type Identified = ProcessUsage & { readonly pid: number };

/** The account that a live process is charged to. */
interface Current {
  readonly key: string;
  readonly owner: Process;
}

type Charge = Current & { readonly usage: Identified };

interface Sum {
  joules: number;
}

interface Plan {
  readonly continuing: readonly Charge[];
  /** Those whose account is over, since they are others now. */
  readonly replaced: readonly Charge[];
  /** Those that may have a place, the largest first. */
  readonly newcomers: readonly Identified[];
  /** What all others used, by executable. */
  readonly placeless: Map<string, Sum>;
}

/** Usages that are looked at in one step, some tens of µs. */
const STEP_USAGES = 64;

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
  /** By pid. An exec makes it another one. */
  readonly #current = new Map<number, Current>();

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

  /** Sorts out an interval's processes, in steps and without changing anything: what `add` then takes at once. */
  *plan(usages: readonly ProcessUsage[], now: number): Generator<void, Plan> {
    const bar = this.#processes.bar(now);
    const plan = { continuing: [] as Charge[], replaced: [] as Charge[], placeless: new Map<string, Sum>() };
    const newcomers: Identified[] = [];
    let left = STEP_USAGES;
    for (const usage of usages) {
      if (--left === 0) {
        left = STEP_USAGES;
        yield;
      }
      if (!isIdentified(usage)) {
        addTo(plan.placeless, usage);
        continue;
      }
      const current = this.#current.get(usage.pid);
      if (current && isSame(current.owner, usage)) {
        plan.continuing.push({ ...current, usage });
        continue;
      }
      // Another program now, or another process by the same pid. A last stint of an ended one ends nobody.
      if (current && (current.owner.creationTime === usage.creation_time || !usage.exited)) {
        plan.replaced.push({ ...current, usage });
      }
      if (usage.energy_j > bar) newcomers.push(usage);
      else addTo(plan.placeless, usage);
    }
    // The largest are to have the places.
    return { ...plan, newcomers: largestFirst(newcomers, this.#limit) };
  }

  /** `times.since` is when the ledger began; a process that is new is counted from `since` on. */
  add({ continuing, replaced, newcomers, placeless }: Plan, times: Times, since: number): void {
    const own = { since, now: times.now };
    for (const { key, owner, usage } of continuing) this.#charge(key, owner, usage, own);
    for (const { key, usage } of replaced) {
      this.#processes.end(key, times.now);
      this.#current.delete(usage.pid);
    }
    // Where one finds no place, smaller ones need not ask.
    let room = true;
    for (const usage of newcomers) {
      room &&= this.#open(usage, own, times);
      if (!room) addTo(placeless, usage);
    }
    for (const [executable, { joules }] of placeless) this.#addExecutable(executable, joules, times);
  }

  /** Moves the Joules of what is over to its executable. */
  fold(readers: ReadonlySet<object>, times: Times): void {
    for (const account of this.#processes.takeOver(readers, times.now)) this.#takeFrom(account, times);
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

function addTo(sums: Map<string, Sum>, { executable, energy_j }: ProcessUsage): void {
  const sum = sums.get(executable);
  if (sum) sum.joules += energy_j;
  else sums.set(executable, { joules: energy_j });
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
