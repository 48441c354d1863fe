// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../errors.ts';
import type { Counter } from '../sources/source.ts';
import { type Account, closeAccount, newAccount, readAccount, type Reading, settle } from './account.ts';

export interface Taken {
  /** By the counters' id. */
  readonly readings: ReadonlyMap<string, Reading>;
  /** Times that counters began again at 0, which is made up for. */
  readonly wraps: number;
  /** Times that a counter went back or further than its power allows, which nobody is charged for. */
  readonly jumps: number;
}

/** Counters that user space reads, each at least once a second, so that none wraps twice between readings. */
export interface Poller {
  /** Reads all of `counters`, which may be others than the last time: CPUs come and go. */
  take(counters: readonly Counter[]): Promise<Taken>;
  close(): Promise<void>;
}

/** 2^32 counts of 2^-16 J are 65,536 J: at 2 kW, which no package draws, a wrap in half a minute. */
const POLL_MS = 1000;

/**
 * Opens and reads counters for the first time. Those of `needed` must be readable; of others the log is told.
 * @throws EnergyError where one that is needed is not.
 */
export async function openPoller(options: {
  readonly counters: readonly Counter[];
  readonly needed: readonly Counter[];
  readonly log: (line: string) => void;
  readonly periodMs?: number;
}): Promise<Poller> {
  const { log, needed, periodMs = POLL_MS } = options;
  let accounts: ReadonlyMap<string, Account> = follow(new Map(), options.counters);
  let wraps = 0;
  let jumps = 0;

  async function poll(account: Account): Promise<void> {
    const { id } = account.counter;
    try {
      const news = await readAccount(account);
      if (account.failure !== undefined) log(`${id} can be read again`);
      account.failure = undefined;
      if (news === 'wrapped') wraps++;
      if (news !== 'jumped') return;
      jumps++;
      log(`${id} jumped to ${account.last?.count}: what it counted since the reading before is not counted`);
    } catch (error) {
      const told = account.failure !== undefined;
      account.failure = `${id} cannot be read: ${(error as Error).message}`;
      if (!told) log(account.failure);
    }
  }
  const pollAll = async (): Promise<void> => void (await Promise.all(Array.from(accounts.values(), poll)));

  // Polls follow one another: an account has one reading at a time.
  let queue: Promise<unknown> = pollAll();
  const inTurn = <T>(work: () => T | Promise<T>): Promise<T> => {
    const done = queue.then(work);
    queue = done.catch(() => {});
    return done;
  };

  await queue;
  const failure = needed.map(({ id }) => accounts.get(id)?.failure).find((text) => text !== undefined);
  if (failure !== undefined) {
    accounts.forEach(closeAccount);
    throw new EnergyError('ECOUNTER', `${failure}; see \`joules doctor\` for other sources`);
  }
  // Counting begins here.
  accounts.forEach(settle);
  const timer = setInterval(() => void inTurn(pollAll), periodMs);
  timer.unref();

  return {
    take: (counters) =>
      inTurn(async () => {
        accounts = follow(accounts, counters);
        await pollAll();
        const readings = new Map(Array.from(accounts, ([id, account]) => [id, settle(account)]));
        const taken = { readings, wraps, jumps };
        wraps = jumps = 0;
        return taken;
      }),
    close: () => {
      clearInterval(timer);
      return inTurn(() => accounts.forEach(closeAccount));
    },
  };
}

/** Accounts of `counters`: those of before where they are at the same place, new ones elsewhere. */
function follow(
  former: ReadonlyMap<string, Account>,
  counters: readonly Counter[],
): ReadonlyMap<string, Account> {
  const accounts = new Map(
    counters.map((counter) => {
      const known = former.get(counter.id);
      const same = known && placeOf(known.counter) === placeOf(counter);
      return [counter.id, same ? known : newAccount(counter, known?.moved)];
    }),
  );
  for (const [id, account] of former) if (accounts.get(id) !== account) closeAccount(account);
  return accounts;
}

function placeOf({ place }: Counter): string {
  return JSON.stringify(place, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value));
}
