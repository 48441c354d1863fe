// SPDX-License-Identifier: Apache-2.0
import { createGenerationalCache } from '../../src/util/generational-cache.ts';

describe('what is remembered', () => {
  test('stays while there is little, however long ago it was used', () => {
    const recent = createGenerationalCache<number, string>(2);
    recent.set(1, 'one');
    for (let interval = 0; interval < 100; interval++) recent.endInterval();
    expect(recent.get(1)).toBe('one');
  });

  test('is what was used in the last two intervals when there is much', () => {
    const recent = createGenerationalCache<number, string>(2);
    for (let key = 0; key < 10; key++) recent.set(key, 'first');
    recent.endInterval();
    expect(recent.get(7)).toBe('first');
    for (let key = 10; key < 20; key++) recent.set(key, 'second');
    recent.endInterval();
    expect(recent.get(7)).toBe('first');
    expect(recent.get(15)).toBe('second');
    expect(recent.get(3)).toBeUndefined();
  });
});
