// SPDX-License-Identifier: Apache-2.0
import { EnergyHistogram } from '../../src/requests/histogram.ts';

const attributesOf = (route: string) => ({ 'http.request.method': 'GET', 'http.route': route });

describe('the histogram of requests', () => {
  it('has a thousand series and one for all beyond them, and every Joule', () => {
    const histogram = new EnergyHistogram();
    const routes = Array.from({ length: 1500 }, (_, i) => `/${i}`);
    const requests = routes.map((route) => ({ attributes: attributesOf(route), joules: 0.001 }));
    for (let i = 1; i <= 3; i++) {
      histogram.record(requests, [i, 0]);
      const points = histogram.points([i + 1, 0]);
      expect(points).toHaveLength(1001);
      const joules = points.reduce((sum, { value }) => sum + value.sum!, 0);
      expect(joules + histogram.heldJoules()).toBeCloseTo(i * 1.5, 9);
    }
    const other = histogram.points([5, 0]).find(({ attributes }) => attributes['http.route'] === '(other)');
    expect(other!.value.count).toBe(3 * 500);
    expect(other!.value.sum).toBeCloseTo(1.5, 9);
  });

  it('shows a series at 0 first, and then what it began with', () => {
    const histogram = new EnergyHistogram();
    histogram.record([{ attributes: attributesOf('/'), joules: 2 }], [1, 0]);
    expect(histogram.points([2, 0])[0]!.value).toMatchObject({ count: 0, sum: 0 });
    expect(histogram.heldJoules()).toBe(2);
    histogram.record([], [3, 0]);
    expect(histogram.points([4, 0])[0]!.value).toMatchObject({ count: 1, sum: 2, min: 2, max: 2 });
    expect(histogram.heldJoules()).toBe(0);
  });

  it('has buckets by energy, an upper bound in the one below it', () => {
    const histogram = new EnergyHistogram();
    const requests = [0.0001, 0.00011, 1000].map((joules) => ({ attributes: attributesOf('/'), joules }));
    histogram.record(requests, [1, 0]);
    histogram.record([], [2, 0]);
    const { counts, boundaries } = histogram.points([3, 0])[0]!.value.buckets;
    expect(boundaries.slice(0, 2)).toEqual([0.0001, 0.0002]);
    expect([counts[0], counts[1], counts.at(-1)]).toEqual([1, 1, 1]);
  });
});
