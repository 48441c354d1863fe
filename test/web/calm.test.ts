// SPDX-License-Identifier: Apache-2.0
import { CalmOrder } from '../../src/web/shared/calm.ts';
import { FrameMaker } from '../../src/web/server/frames.ts';
import { Store } from '../../src/web/shared/store.ts';
import { recording } from '../support/recording.ts';

const TOP = 15;
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** µJ of each row of the table, second by second, as the page has them: means of 5 s. */
function sizes(): Map<string, number>[] {
  const maker = new FrameMaker({ namesProcesses: true });
  const store = new Store();
  store.greet({
    version: 1,
    instance: 'a',
    host: 'h',
    agent: '0',
    interval: 1000,
    history: 900_000,
    isRecording: false,
    source: { name: 'estimated', kind: 'estimated', scope: 'cpu', reference: null },
    names: { rows: [], groups: [], cores: [], gone: [] },
  });
  const seconds: Map<string, number>[] = [];
  for (const snapshot of recording()) {
    const frame = maker.add(snapshot);
    if (!frame) continue;
    store.add(frame);
    const { rows, longer } = store.shown(undefined)!;
    seconds.push(new Map([...longer.rows.keys()].map((id) => [String(id), rows.get(id)?.energy ?? 0])));
  }
  return seconds;
}

describe('the order of the table', () => {
  const seconds = sizes();

  it('moves at most 9 of the first 15 rows a second, and misses hardly any of the watts', () => {
    const calm = new CalmOrder();
    let before: readonly string[] = [];
    let moved = 0;
    let missed = 0;
    for (const second of seconds) {
      const top = calm.next(second).slice(0, TOP);
      if (before.length > 0) moved += top.filter((key, i) => before[i] !== key).length;
      before = top;
      const best = sum([...second.values()].toSorted((one, other) => other - one).slice(0, TOP));
      if (best > 0) missed += 1 - sum(top.map((key) => second.get(key)!)) / best;
    }
    expect(moved / (seconds.length - 1)).toBeLessThanOrEqual(9);
    expect(missed / seconds.length).toBeLessThan(0.01);
  });

  it('is that of the sizes where there is no former one', () => {
    const order = new CalmOrder().next(
      new Map([
        ['a', 1],
        ['b', 3],
        ['c', 2],
      ]),
    );
    expect(order).toEqual(['b', 'c', 'a']);
  });

  it('lets a row pass only one that it beats by a quarter', () => {
    const calm = new CalmOrder();
    calm.next(
      new Map([
        ['a', 100],
        ['b', 90],
      ]),
    );
    for (let i = 0; i < 50; i++)
      expect(
        calm.next(
          new Map([
            ['a', 100],
            ['b', 120],
          ]),
        ),
      ).toEqual(['a', 'b']);
    for (let i = 0; i < 50; i++)
      calm.next(
        new Map([
          ['a', 100],
          ['b', 130],
        ]),
      );
    expect(
      calm.next(
        new Map([
          ['a', 100],
          ['b', 130],
        ]),
      ),
    ).toEqual(['b', 'a']);
  });

  it('puts whoever stopped below whoever goes on, and forgets what is gone', () => {
    const calm = new CalmOrder();
    calm.next(
      new Map([
        ['a', 100],
        ['b', 1],
      ]),
    );
    expect(
      calm.next(
        new Map([
          ['a', 0],
          ['b', 1],
        ]),
      ),
    ).toEqual(['b', 'a']);
    expect(calm.next(new Map([['b', 1]]))).toEqual(['b']);
  });
});
