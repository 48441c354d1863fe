// SPDX-License-Identifier: Apache-2.0
import { Budget } from '../../src/ledger/budget.ts';
import { Places } from '../../src/ledger/places.ts';
import { charge } from '../../src/ledger/series.ts';
import { atOnce } from '../../src/util/cooperative.ts';

const MINUTE_MS = 60_000;
const TENURE_MS = 10 * MINUTE_MS;

/** Places whose intervals last a minute. What is charged goes to series or, where there is none, to candidates. */
function placesOf(limit: number) {
  const places = new Places<string>(limit, new Budget(Infinity, 1));
  let nowMs = 0;
  return {
    places,
    /** Opens a series, as if it had come up now. */
    open: (key: string) => places.open(key, key, nowMs, { fromMs: nowMs, toMs: nowMs, shown: 0 }),
    end: (key: string) => places.end(places.live(key)!, nowMs),
    interval: (joules: Readonly<Record<string, number>> = {}, deserves?: (key: string) => boolean): void => {
      const span = { fromMs: nowMs, toMs: nowMs + MINUTE_MS, shown: 0 };
      for (const [key, amount] of Object.entries(joules)) {
        const entry = places.live(key);
        if (entry) charge(entry, amount, span);
        else places.consider(key, key, amount, span);
      }
      nowMs = span.toMs;
      atOnce(places.settle(span, deserves && (({ key }) => deserves(key))));
    },
    /** Those that go on. */
    live: () => [...places.entries()].filter(([, one]) => one.endedMs === undefined).map(([key]) => key),
  };
}

describe('a place', () => {
  it('is free again when its series ends, unless as many are still to be shown', () => {
    const { places, open, end } = placesOf(1);
    for (const key of ['a', 'b']) {
      expect(places.hasRoom).toBe(true);
      open(key);
      expect(places.hasRoom).toBe(false);
      end(key);
    }
    expect(places.size).toBe(2);
    expect(places.hasRoom).toBe(false);
    atOnce(places.forget(({ owner }) => owner === 'a'));
    expect(places.size).toBe(1);
    expect(places.hasRoom).toBe(true);
  });

  it('is given back once, however often its series is ended', () => {
    const { places, open, interval } = placesOf(1);
    const entry = open('a');
    places.end(entry, 1000);
    places.end(entry, 2000);
    expect(entry.endedMs).toBe(1000);
    expect(places.live('a')).toBeUndefined();
    open('b');
    expect(places.hasRoom).toBe(false);
    atOnce(places.forget(() => true));
    expect(places.hasRoom).toBe(false);
    interval();
    expect(places.live('b')).toBeDefined();
  });

  it('keeps its series while that goes on, whoever has seen what', () => {
    const { places, open } = placesOf(1);
    open('a');
    atOnce(places.forget(() => true));
    expect(places.live('a')).toBeDefined();
  });

  it('is free for a candidate once nobody has it, the largest first', () => {
    const { open, end, interval, live } = placesOf(1);
    open('a');
    interval({ a: 10, small: 1, large: 3, middle: 2 });
    expect(live()).toEqual(['a']);
    end('a');
    interval({ small: 1, large: 3, middle: 2 });
    expect(live()).toEqual(['large']);
  });

  it('stays free while as many as there are places are still to be shown', () => {
    const { places, open, end, interval, live } = placesOf(1);
    for (const key of ['a', 'b']) {
      open(key);
      end(key);
    }
    interval({ c: 1 });
    expect(live()).toEqual([]);
    atOnce(places.forget(() => true));
    interval({ c: 1 });
    expect(live()).toEqual(['c']);
  });

  it('goes to nobody who used nothing in the interval: that one may be no more', () => {
    const { open, end, interval, live } = placesOf(1);
    open('a');
    interval({ a: 10, gone: 9, here: 1 });
    end('a');
    interval({ here: 1 });
    expect(live()).toEqual(['here']);
  });

  it('goes to one that deserves it, however many larger ones do not', () => {
    const { interval, live } = placesOf(1);
    interval({ old: 1, young: 5, younger: 9 }, (key) => key === 'old');
    expect(live()).toEqual(['old']);
  });

  it('is taken after ten minutes, from the one that uses least', () => {
    const { open, interval, live } = placesOf(2);
    open('weaker');
    open('weak');
    const joules = { weak: 2, weaker: 1, strong: 9 };
    for (let i = 1; i < TENURE_MS / MINUTE_MS; i++) interval(joules);
    expect(live()).toEqual(['weaker', 'weak']);
    interval(joules);
    expect(live()).toEqual(['weak', 'strong']);
  });

  it('is not taken from one that has had it for less, however long others have had theirs', () => {
    const { open, interval, live } = placesOf(2);
    open('old');
    for (let i = 0; i < 9; i++) interval({ old: 5 });
    open('new');
    for (let i = 0; i < 5; i++) interval({ old: 5, new: 1, strong: 20 });
    expect(live()).toEqual(['new', 'strong']);
  });

  it('is not taken by one that uses twice as much and no more', () => {
    const { open, interval, live } = placesOf(1);
    open('a');
    for (let i = 0; i < 20; i++) interval({ a: 1, b: 2 });
    expect(live()).toEqual(['a']);
    for (let i = 0; i < 3; i++) interval({ a: 1, b: 2.1 });
    expect(live()).toEqual(['b']);
  });
});

describe('candidates', () => {
  it('are remembered twice as many as there are places, the largest', () => {
    const { open, end, interval, live } = placesOf(1);
    open('a');
    // What was used long ago counts the less; of what is not remembered nothing does.
    interval({ a: 1000, first: 300, second: 200, third: 190 });
    end('a');
    interval({ second: 100, third: 105 });
    expect(live()).toEqual(['second']);
  });
});
