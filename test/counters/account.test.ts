// SPDX-License-Identifier: Apache-2.0
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Account } from '../../src/counters/account.ts';
import type { Counter } from '../../src/model/source.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A counter of J in a file, which is there with a count or is not. */
function counterIn(directory: string, name: string): { counter: Counter; set: (count?: number) => void } {
  const path = join(directory, name);
  return {
    counter: {
      id: 'package:0',
      domain: 'cpu',
      cpus: [0],
      joulesPerCount: 1,
      range: 0n,
      maxWatts: Infinity,
      location: { via: 'powercap', path },
    },
    set: (count) => (count === undefined ? rmSync(path, { force: true }) : writeFileSync(path, `${count}\n`)),
  };
}

describe('the account of a counter', () => {
  let directory: string;
  beforeAll(() => (directory = temporaryDirectory()));

  it('has a gap for all of an interval in which something older was counted', async () => {
    const { counter, set } = counterIn(directory, 'late');
    const account = new Account(counter);
    set(1);
    await account.read();
    account.settle();
    account.settle();
    set(5);
    await account.read();
    set(7);
    await account.read();
    expect(account.settle()).toEqual({ kind: 'gap', joules: 6, broken: false });
    set(8);
    await account.read();
    expect(account.settle()).toEqual({ kind: 'known', joules: 1, broken: false });
    account.close();
  });

  it('tells once that it can be read again, wherever it was found', async () => {
    const [former, latter] = [counterIn(directory, 'former'), counterIn(directory, 'latter')];
    const account = new Account(former.counter);
    expect(await account.read()).toMatchObject([{ event: 'gap' }]);
    expect(account.failure).toMatchObject({ code: 'ENOENT' });
    expect(await account.moveTo(latter.counter)).toEqual([]);
    latter.set(3);
    expect(await account.moveTo(latter.counter)).toEqual([{ event: 'rebind' }]);
    expect(account.failure).toBeUndefined();
    account.close();
  });

  it('tells that it was moved, or that it could not be', async () => {
    const [former, latter] = [counterIn(directory, 'from'), counterIn(directory, 'to')];
    const account = new Account(former.counter);
    former.set(3);
    latter.set(5);
    await account.read();
    account.settle();
    expect(await account.moveTo(latter.counter)).toEqual([{ event: 'rebind' }]);
    // A register is the same wherever it is read: it has counted on.
    expect(account.settle()).toEqual({ kind: 'known', joules: 2, broken: false });
    former.set();
    expect(await account.moveTo(former.counter)).toMatchObject([{ event: 'gap' }]);
    expect(account.failure).toBeDefined();
    account.close();
  });

  it('tells once that it is there no more', async () => {
    const { counter, set } = counterIn(directory, 'leaving');
    const account = new Account(counter);
    set(1);
    await account.read();
    set(4);
    expect(await account.leave()).toMatchObject([{ event: 'gap' }]);
    expect(account.settle()).toEqual({ kind: 'known', joules: 3, broken: true });
    expect(await account.leave()).toEqual([]);
    set();
    expect(await new Account(counter).leave()).toEqual([]);
  });
});
