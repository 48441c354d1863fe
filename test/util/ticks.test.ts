// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { ticks } from '../../src/util/ticks.ts';

describe('ticks', () => {
  it('come at their times however long what they lead to takes', async () => {
    const stopped = new AbortController();
    const begun = performance.now();
    let count = 0;
    for await (const _ of ticks(40, stopped.signal)) {
      // Never before its time, but for what timers are rounded by: each is due a period after the last one was.
      expect(performance.now() - begun).toBeGreaterThanOrEqual(++count * 40 - 2);
      await sleep(15);
      if (count === 5) stopped.abort();
    }
    expect(count).toBe(5);
  });

  it('end at once for all who wait when they are stopped, and do not begin after that', async () => {
    const stopped = new AbortController();
    const waiting = Array.from({ length: 8 }, () => ticks(3_600_000, stopped.signal).next());
    stopped.abort();
    for (const { done } of await Promise.all(waiting)) expect(done).toBe(true);
    expect((await ticks(0, stopped.signal).next()).done).toBe(true);
  });
});
