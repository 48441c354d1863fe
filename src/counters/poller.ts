// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { addCounterEvents, type CounterEvents, NO_COUNTER_EVENTS } from '../model/counter-events.ts';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import type { Readings } from '../model/reading.ts';
import type { Counter } from '../model/source.ts';
import { serial } from '../util/serial.ts';
import { isShortage, systemError } from '../util/system-error.ts';
import { Account, type CounterEvent } from './account.ts';

export interface Taken extends CounterEvents {
  readonly readings: Readings;
}

/** Counters that user space reads, each at least once a second, so that none wraps twice between readings. */
export interface Poller {
  /**
   * What was counted since the last time. `counters` may be others than then: CPUs come and go. What cannot be read is
   * unknown; this rejects for no counter's sake.
   */
  take(counters: readonly Counter[]): Promise<Taken>;
  /** Resolves when each of these counters has moved since it was taken, or cannot be read, or once `isOver` says so. */
  untilMoved(ids: ReadonlySet<string>, isOver: () => boolean): Promise<void>;
  close(): Promise<void>;
}

export interface PollerOptions {
  readonly counters: readonly Counter[];
  /** Those of them that must be readable. */
  readonly needed: readonly Counter[];
  /** Takes a line for every counter that cannot be read, and of `event=…` for what befalls one later. */
  readonly log: (line: string) => void;
  readonly periodMs?: number;
}

/** 2^32 counts of 2^-16 J are 65,536 J: at 2 kW, which no package draws, a wrap in half a minute. */
const POLL_MS = 1000;

/** Between two reads of a counter whose move is waited for. */
const [FIRST_STEP_MS, LONGEST_STEP_MS] = [1, 20];

/** Opens counters and begins to count. @throws EnergyError where one that is needed cannot be read. */
export async function openPoller({ counters, needed, log, periodMs }: PollerOptions): Promise<Poller> {
  const accounts = counters.map((counter) => new Account(counter));
  await Promise.all(accounts.map((account) => account.read()));
  for (const { counter, failure } of accounts)
    if (failure !== undefined) log(`${counter.id} cannot be read: ${(failure as Error).message}`);
  const ids = new Set(needed.map(({ id }) => id));
  const failed = accounts.find(({ counter, failure }) => failure !== undefined && ids.has(counter.id));
  if (failed) {
    accounts.forEach((account) => account.close());
    throw unreadable(failed);
  }
  accounts.forEach((account) => account.settle());
  return new PolledCounters(accounts, log, periodMs ?? POLL_MS);
}

function unreadable({ counter: { id }, failure }: Account): EnergyError {
  const advice = 'see `joules doctor` for other sources';
  if (isShortage(failure)) return systemError(`read ${id}`, failure, advice);
  const message = `${id} cannot be read: ${(failure as Error).message}; ${advice}`;
  return new EnergyError('ECOUNTER', message, EXIT_UNABLE, { cause: failure });
}

/** What the events of the log are counted as. */
const COUNTED_AS = { rebind: 'rebinds', gap: 'gaps', reset: 'resets', wrap: 'wraps' } as const;

class PolledCounters implements Poller {
  readonly #log: (line: string) => void;
  /** An account has one reading at a time. */
  readonly #inTurn = serial();
  readonly #timer: NodeJS.Timeout;
  /** By the counters' id: those that are there, and those that were. */
  #present: ReadonlyMap<string, Account>;
  readonly #gone = new Map<string, Account>();
  #events = NO_COUNTER_EVENTS;

  constructor(accounts: readonly Account[], log: (line: string) => void, periodMs: number) {
    this.#log = log;
    this.#present = new Map(accounts.map((account) => [account.counter.id, account]));
    this.#timer = setInterval(() => void this.#inTurn(() => this.#poll(this.#present.values())), periodMs);
    this.#timer.unref();
  }

  take(counters: readonly Counter[]): Promise<Taken> {
    return this.#inTurn(async () => {
      const { left, moved } = await this.#follow(counters);
      await this.#poll([...this.#present.values()].filter((account) => !moved.includes(account)));
      const taken = [...this.#present.values(), ...left];
      const readings = new Map(taken.map((account) => [account.counter.id, account.settle()]));
      const events = this.#events;
      this.#events = NO_COUNTER_EVENTS;
      return { readings, ...events };
    });
  }

  async untilMoved(ids: ReadonlySet<string>, isOver: () => boolean): Promise<void> {
    for (let stepMs = FIRST_STEP_MS; ; stepMs = Math.min(2 * stepMs, LONGEST_STEP_MS)) {
      const standing = [...this.#present.values()].filter(
        ({ counter, stands }) => ids.has(counter.id) && stands,
      );
      if (standing.length === 0 || isOver()) return;
      await sleep(stepMs);
      await this.#inTurn(() => this.#poll(standing));
    }
  }

  close(): Promise<void> {
    clearInterval(this.#timer);
    return this.#inTurn(() => this.#present.forEach((account) => account.close()));
  }

  async #poll(accounts: Iterable<Account>): Promise<void> {
    await Promise.all(Array.from(accounts, (account) => this.#told(account, account.read())));
  }

  /** Goes over to `counters`. Resolves with the accounts that have been read by this. */
  async #follow(counters: readonly Counter[]): Promise<{ moved: Account[]; left: Account[] }> {
    const moved: Account[] = [];
    const former = this.#present;
    const present = new Map<string, Account>();
    for (const counter of counters) {
      const known = former.get(counter.id) ?? this.#gone.get(counter.id);
      const account = known ?? new Account(counter);
      present.set(counter.id, account);
      const returned = this.#gone.delete(counter.id);
      if (!returned && locationOf(account.counter) === locationOf(counter)) continue;
      moved.push(account);
      await this.#told(account, account.moveTo(counter));
    }
    const left = [...former.values()].filter(({ counter }) => !present.has(counter.id));
    for (const account of left) {
      this.#gone.set(account.counter.id, account);
      await this.#told(account, account.leave());
    }
    this.#present = present;
    return { moved, left };
  }

  async #told({ counter }: Account, happened: Promise<readonly CounterEvent[]>): Promise<void> {
    for (const one of await happened) {
      this.#events = addCounterEvents(this.#events, { ...NO_COUNTER_EVENTS, [COUNTED_AS[one.event]]: 1 });
      const why = one.event === 'gap' ? ` why=${JSON.stringify(one.why)}` : '';
      this.#log(`event=${one.event} counter=${counter.id}${why}`);
    }
  }
}

function locationOf({ location }: Counter): string {
  return JSON.stringify(location, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
}
