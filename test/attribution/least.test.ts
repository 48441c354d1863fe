// SPDX-License-Identifier: Apache-2.0
import { leastAttribution } from '../../src/attribution/least.ts';

describe('what can be said of figures that were split in several ways', () => {
  it.each([
    [['learned', 'learned', null], 'learned'],
    [['learned', 'time', 'learned'], 'time'],
    [['time', null], 'time'],
    [[null, null], null],
    [[], null],
  ] as const)('is the least of %j: %p', (all, least) => {
    expect(leastAttribution(all)).toBe(least);
  });
});
