// SPDX-License-Identifier: Apache-2.0
import { reasonLabel, requestLabel } from '../../src/requests/label.ts';
import { MAX_REQUEST_MS, MAX_REQUESTS, Split } from '../../src/requests/split.ts';

const ENDED = { 'http.request.method': 'GET', 'http.route': '/' };

describe('what a process used, split over its requests', () => {
  it('is by CPU time, and what no thread of ours used is of the pool', () => {
    const split = new Split();
    const [light, heavy, outside] = [requestLabel(0), requestLabel(0), reasonLabel('outside_spans')];
    for (const request of [light, heavy]) {
      split.begin(request);
      request.attributes = ENDED;
    }
    light.cpuNs = 100;
    heavy.cpuNs = 300;
    outside.cpuNs = 50;
    const over = split.add({ joules: 10, processNs: 500, labels: [light, heavy, outside], nowMs: 1 });
    expect(over.map(({ joules }) => joules)).toEqual([2, 6]);
    expect(split.rest).toMatchObject({ outside_spans: 1, pool: 1 });
    expect(split.activeJoules()).toBe(0);
  });

  it('closes and has nothing below 0 where threads were read later than the process', () => {
    const split = new Split();
    const request = requestLabel(0);
    split.begin(request);
    request.cpuNs = 900;
    split.add({ joules: 9, processNs: 600, labels: [request], nowMs: 1 });
    expect(split.activeJoules()).toBeCloseTo(9, 12);
    expect(Object.values(split.rest)).toEqual([0, 0, 0, 0, 0]);
  });

  it('gives a request that never ends up, and what it uses later is told so', () => {
    const split = new Split();
    const request = requestLabel(0);
    split.begin(request);
    request.cpuNs = 100;
    split.add({ joules: 1, processNs: 100, labels: [request], nowMs: MAX_REQUEST_MS + 1 });
    request.cpuNs = 100;
    split.add({ joules: 2, processNs: 100, labels: [request], nowMs: MAX_REQUEST_MS + 2 });
    expect(split.rest.unended).toBeCloseTo(3, 12);
    expect(split.activeJoules()).toBe(0);
  });

  it('keeps so many requests and no more', () => {
    const split = new Split();
    for (let i = 0; i < MAX_REQUESTS; i++) expect(split.begin(requestLabel(0))).toBe(true);
    expect(split.begin(requestLabel(0))).toBe(false);
  });
});
