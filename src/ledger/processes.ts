// SPDX-License-Identifier: Apache-2.0
import { KERNEL, OTHER, type ProcessUsage } from '../model/snapshot.ts';
import { each } from '../util/cooperative.ts';
import { Budget } from './budget.ts';
import { Partition } from './partition.ts';
import { type Candidate, Places } from './places.ts';
import { charge, type Entry, type Span, STEP_SERIES } from './series.ts';

/** Owner of a series of `process.energy`: a process, or, where `pid` is null, all others of an executable. */
export interface ProcessOwner {
  readonly pid: number | null;
  /** ISO 8601; null where `pid` is. */
  readonly creationTime: string | null;
  readonly executable: string;
  readonly containerId: string | null;
}

type Identified = ProcessUsage & { readonly pid: number };

interface Plan {
  /** Those that have a series of their own, and what each used: two lists, since an object each would be much garbage. */
  readonly placed: readonly Entry<ProcessOwner>[];
  readonly joules: readonly number[];
  /** Series whose process has ended, or is another one now. */
  readonly ended: readonly Entry<ProcessOwner>[];
  /** Those that may get a series. */
  readonly candidates: readonly Identified[];
  /** What all others used, by executable and container. */
  readonly rest: ReadonlyMap<string, Sum>;
}

interface Sum {
  readonly owner: ProcessOwner;
  joules: number;
}

/** Once the first places are taken, a process gets one every 30 s at most. */
const ADMISSION_MS = 30_000;

/**
 * The series of `process.energy`. Each executable has one, for each container that it runs in; the few large processes
 * that have lived for some time have one of their own, and what they used before stays with their executable.
 */
export class ProcessSeries {
  readonly #processes: Places<ProcessOwner>;
  readonly #executables: Partition<ProcessOwner>;
  /** Series of processes that go on, by pid. */
  readonly #byPid = new Map<number, Entry<ProcessOwner>>();

  constructor(limits: { readonly processes: number; readonly executables: number }) {
    this.#processes = new Places(limits.processes, new Budget(limits.processes, ADMISSION_MS));
    const fixed = [OTHER, KERNEL].map(
      (name) => [executableKey(name, null), ofExecutable(name, null)] as const,
    );
    this.#executables = new Partition(limits.executables, new Map(fixed), executableKey(OTHER, null));
  }

  get size(): number {
    return this.#processes.size + this.#executables.size;
  }

  *entries(): Generator<Entry<ProcessOwner>> {
    for (const [, entry] of this.#processes.entries()) yield entry;
    yield* this.#executables.entries();
  }

  /**
   * Sorts out an interval's processes, in steps and without changing anything: what `add` then takes at once. Of usages
   * only copies are kept.
   */
  *plan(usages: Iterable<ProcessUsage>): Generator<void, Plan> {
    const placed: Entry<ProcessOwner>[] = [];
    const joules: number[] = [];
    const ended: Entry<ProcessOwner>[] = [];
    const large = new Largest(this.#processes.limit);
    const rest = new Map<string, Sum>();
    let left = STEP_SERIES;
    for (const usage of usages) {
      if (--left === 0) {
        left = STEP_SERIES;
        yield;
      }
      if (isIdentified(usage)) {
        const entry = this.#byPid.get(usage.pid);
        if (entry && isSame(entry.owner, usage)) {
          placed.push(entry);
          joules.push(usage.energy_j);
          if (usage.exited) ended.push(entry);
          continue;
        }
        // An exec, or another process of the same pid. What an ended one used last ends nobody.
        if (entry && (entry.owner.creationTime === usage.creation_time || !usage.exited)) ended.push(entry);
        if (!usage.exited && !usage.kernel && usage.energy_j > 0) large.add(usage);
      }
      addTo(rest, usage);
    }
    return { placed, joules, ended, candidates: large.taken(), rest };
  }

  /**
   * Takes an interval in, in steps. `mayOpen` says whether a process that was first seen then has lived for long enough.
   */
  *add(
    { placed, joules, ended, candidates, rest }: Plan,
    span: Span,
    mayOpen: (sinceMs: number) => boolean,
  ): Generator<void, void> {
    const chargeOne = (entry: Entry<ProcessOwner>, i: number): void => charge(entry, joules[i]!, span);
    yield* each(placed, chargeOne, STEP_SERIES);
    yield* each(ended, (entry) => this.#end(entry, span.toMs));
    yield* each(candidates, (usage) => {
      const { pid, creation_time: creationTime, executable, container_id: containerId } = usage;
      const key = `${pid} ${creationTime} ${containerId} ${executable}`;
      const owner = { pid, creationTime, executable, containerId };
      this.#processes.consider(key, owner, usage.energy_j, span);
    });
    yield* each(rest, ([key, sum]) => this.#executables.add(key, sum.owner, sum.joules));
    yield* this.#executables.settle(span);
    const deserves = ({ sinceMs }: Candidate<ProcessOwner>): boolean => mayOpen(sinceMs);
    if (yield* this.#processes.settle(span, deserves)) yield* this.#rememberPids();
  }

  /** Ends what is over: series of containers' executables whose container has ended, and of processes that are gone. */
  *endIdle(nowMs: number, isOver: (owner: ProcessOwner) => boolean): Generator<void, void> {
    yield* this.#executables.endIdle(nowMs, isOver);
    yield* each(this.#byPid.values(), (entry) => {
      if (entry.chargedMs < nowMs && isOver(entry.owner)) this.#end(entry, nowMs);
    });
  }

  *forget(isDone: (entry: Entry<ProcessOwner>) => boolean): Generator<void, void> {
    yield* this.#processes.forget(isDone);
    yield* this.#executables.forget(isDone);
  }

  #end(entry: Entry<ProcessOwner>, nowMs: number): void {
    this.#processes.end(entry, nowMs);
    if (this.#byPid.get(entry.owner.pid!) === entry) this.#byPid.delete(entry.owner.pid!);
  }

  /** Places were given and taken. */
  *#rememberPids(): Generator<void, void> {
    this.#byPid.clear();
    const remember = ([, entry]: [string, Entry<ProcessOwner>]): void => {
      if (entry.endedMs === undefined) this.#byPid.set(entry.owner.pid!, entry);
    };
    yield* each(this.#processes.entries(), remember, STEP_SERIES);
  }
}

function ofExecutable(executable: string, containerId: string | null): ProcessOwner {
  return { pid: null, creationTime: null, executable, containerId };
}

function executableKey(executable: string, containerId: string | null): string {
  return containerId === null ? executable : `${executable}\0${containerId}`;
}

/** All kernel threads are one executable: their names say which CPU and work queue, not which program. */
function addTo(sums: Map<string, Sum>, { kernel, executable, container_id, energy_j }: ProcessUsage): void {
  const name = kernel ? KERNEL : executable;
  const key = executableKey(name, container_id);
  const sum = sums.get(key);
  if (sum) sum.joules += energy_j;
  else sums.set(key, { owner: ofExecutable(name, container_id), joules: energy_j });
}

function isIdentified(usage: ProcessUsage): usage is Identified {
  return usage.pid !== null;
}

function isSame(owner: ProcessOwner, usage: ProcessUsage): boolean {
  return (
    owner.creationTime === usage.creation_time &&
    owner.executable === usage.executable &&
    owner.containerId === usage.container_id
  );
}

/** Copies of the `most` largest usages that are added, of equal ones the first. Few others are copied. */
class Largest {
  readonly #most: number;
  #found: Identified[] = [];
  /** No more than that is not among the largest, J. */
  #least = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(usage: Identified): void {
    if (this.#most === 0 || usage.energy_j <= this.#least) return;
    this.#found.push({ ...usage });
    if (this.#found.length >= 2 * this.#most) this.#drop();
  }

  taken(): readonly Identified[] {
    if (this.#found.length > this.#most) this.#drop();
    return this.#found;
  }

  #drop(): void {
    // Numbers alone are sorted several times faster than what has them.
    const rising = Float64Array.from(this.#found, ({ energy_j }) => energy_j).toSorted();
    this.#least = rising.at(-this.#most)!;
    let alike = this.#most - this.#found.filter(({ energy_j }) => energy_j > this.#least).length;
    this.#found = this.#found.filter(
      ({ energy_j }) => energy_j > this.#least || (energy_j === this.#least && alike-- > 0),
    );
  }
}
