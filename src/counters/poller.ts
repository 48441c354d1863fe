// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../model/errors.ts';
import { addIncidents, type Incidents, NO_INCIDENTS } from '../model/counter-events.ts';
import type { Counter } from '../model/source.ts';
import { type Account, closeAccount, newAccount, readAccount, type Reading, settle } from './account.ts';

export interface Taken extends Incidents {
  /** By the counters' id. */
  readonly readings: ReadonlyMap<string, Reading>;
}

/** Counters that user space reads, each at least once a second, so that none wraps twice between readings. */
export interface Poller {
  /** Reads all of `counters`, which may be others than the last time: CPUs come and go. */
  take(counters: readonly Counter[]): Promise<Taken>;
  close(): Promise<void>;
}

/** The log's events, and what they are counted as. */
const EVENTS = { rebind: 'rebinds', gap: 'gaps', reset: 'resets', wrap: 'wraps' } as const;

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
  let incidents = NO_INCIDENTS;
  let started = false;

  async function poll(account: Account): Promise<void> {
    const { id } = account.counter;
    const happened = (event: keyof typeof EVENTS, detail = ''): void => {
      incidents = addIncidents(incidents, { ...NO_INCIDENTS, [EVENTS[event]]: 1 });
      log(`event=${event} counter=${id}${detail}`);
    };
    try {
      const news = await readAccount(account);
      if (account.failure !== undefined) happened('rebind');
      account.failure = undefined;
      if (news === 'wrapped') happened('wrap');
      if (news === 'jumped') happened('reset');
    } catch (error) {
      const told = account.failure !== undefined;
      account.failure = (error as Error).message;
      if (!told && started) happened('gap', ` why=${JSON.stringify(account.failure)}`);
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
  const failures = [...accounts].flatMap(([id, { failure }]) =>
    failure === undefined ? [] : [{ id, text: `${id} cannot be read: ${failure}` }],
  );
  for (const { text } of failures) log(text);
  const failure = failures.find(({ id }) => needed.some((counter) => counter.id === id));
  if (failure) {
    accounts.forEach(closeAccount);
    throw new EnergyError('ECOUNTER', `${failure.text}; see \`joules doctor\` for other sources`);
  }
  started = true;
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
        const taken = { readings, ...incidents };
        incidents = NO_INCIDENTS;
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
