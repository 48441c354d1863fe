// SPDX-License-Identifier: Apache-2.0
import { joinReadings, type Reading } from '../../src/model/reading.ts';

const unknown: Reading = { kind: 'unknown', broken: false };
const known = (joules: number): Reading => ({ kind: 'known', joules, broken: false });
const gap = (joules: number): Reading => ({ kind: 'gap', joules, broken: false });

describe('readings of two intervals', () => {
  it.each<[string, Reading, Reading, Reading]>([
    ['are the sum of what is known', known(1), known(2), known(3)],
    ['are what is known of one of them', known(1), unknown, known(1)],
    ['are what is known of the other one', unknown, known(2), known(2)],
    ['are nobody’s where one is', gap(1), known(2), gap(3)],
    ['stay nobody’s', unknown, gap(2), gap(2)],
    ['are unknown where both are', unknown, unknown, unknown],
    [
      'lack energy where one does',
      { ...known(1), broken: true },
      known(2),
      { kind: 'known', joules: 3, broken: true },
    ],
    [
      'lack energy where an unknown one does',
      { ...unknown, broken: true },
      known(2),
      { ...known(2), broken: true },
    ],
  ])('%s', (_, earlier, later, both) => {
    expect(joinReadings(new Map([['a', earlier]]), new Map([['a', later]])).get('a')).toEqual(both);
  });

  it('are of all counters that either had', () => {
    const joined = joinReadings(new Map([['a', known(1)]]), new Map([['b', known(2)]]));
    expect(joined).toEqual(
      new Map([
        ['a', known(1)],
        ['b', known(2)],
      ]),
    );
  });
});
