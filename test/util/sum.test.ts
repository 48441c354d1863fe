// SPDX-License-Identifier: Apache-2.0
import { sum } from '../../src/util/sum.ts';

describe('a sum', () => {
  it('is of whatever gives numbers, and 0 of nothing', () => {
    expect(sum([1, 2, 3.5])).toBe(6.5);
    expect(sum(new Float64Array([1, -1, 4]))).toBe(4);
    expect(sum(new Set<number>())).toBe(0);
  });
});
