// SPDX-License-Identifier: Apache-2.0
import { createGenerationalCache } from '../../src/util/generational-cache.ts';

describe('what is remembered', () => {
  test('stays while there is little, however long ago it was used', () => {
    const cache = createGenerationalCache<number, string>(2);
    cache.set(1, 'one');
    for (let interval = 0; interval < 100; interval++) cache.endInterval();
    expect(cache.get(1)).toBe('one');
  });

  test('is what was used in the last two intervals when there is much', () => {
    const cache = createGenerationalCache<number, string>(2);
    for (let key = 0; key < 10; key++) cache.set(key, 'first');
    cache.endInterval();
    expect(cache.get(7)).toBe('first');
    for (let key = 10; key < 20; key++) cache.set(key, 'second');
    cache.endInterval();
    expect(cache.get(7)).toBe('first');
    expect(cache.get(15)).toBe('second');
    expect(cache.get(3)).toBeUndefined();
  });

  test('is little again some intervals after there was much', () => {
    const cache = createGenerationalCache<number, string>(2);
    for (let interval = 0; interval < 50; interval++) {
      for (let i = 0; i < 10; i++) cache.set(10 * interval + i, 'new');
      cache.endInterval();
    }
    const remembered = Array.from({ length: 500 }, (_, key) => cache.get(key)).filter(Boolean);
    expect(remembered.length).toBeLessThanOrEqual(30);
  });
});
