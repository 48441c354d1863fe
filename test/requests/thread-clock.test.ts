// SPDX-License-Identifier: Apache-2.0
import { reasonLabel, requestLabel } from '../../src/requests/label.ts';
import { ThreadClock } from '../../src/requests/thread-clock.ts';

/** A thread with a CPU of its own, unless it is away. */
function thread() {
  const time = { cpuNs: 0, wallNs: 0, reads: 0 };
  const outside = reasonLabel('outside_spans');
  const [a, b] = [requestLabel(0), requestLabel(0)];
  const clock = new ThreadClock(
    {
      cpuNs: () => {
        time.reads += 1;
        return time.cpuNs;
      },
      wallMs: () => time.wallNs / 1e6,
    },
    outside,
  );
  return {
    time,
    clock,
    outside,
    a,
    b,
    run: (ns: number) => {
      time.cpuNs += ns;
      time.wallNs += ns;
    },
    charged: () => [outside, a, b].map(({ cpuNs }) => Math.round(cpuNs)),
  };
}

describe('the CPU time of a thread', () => {
  it('is charged to one label at a time, callbacks inside others and such as threw among them', () => {
    const { clock, run, outside, a, b, charged } = thread();
    run(1);
    clock.enter(1, a);
    run(10);
    clock.enter(2, b);
    run(100_000);
    clock.enter(3, a);
    run(1);
    // 3 threw, so nobody says that it has ended.
    clock.leave(2);
    run(10);
    clock.leave(1);
    run(1000);
    expect(new Set(clock.take())).toEqual(new Set([outside, a, b]));
    expect(charged()).toEqual([1001, 21, 100_000]);
  });

  it('is read by the CPU clock once where callbacks are short and follow at once', () => {
    const { time, clock, run, a, charged } = thread();
    const before = time.reads;
    for (let i = 0; i < 1000; i++) {
      clock.enter(i, a);
      run(900);
      clock.leave(i);
      run(100);
    }
    clock.take();
    expect(time.reads - before).toBe(1);
    expect(charged()).toEqual([100_000, 900_000, 0]);
  });

  it('has nothing of the time that other programs or the event loop’s sleep took', () => {
    const { time, clock, run, a, b, charged } = thread();
    for (let i = 0; i < 10; i++) {
      clock.enter(i, a);
      run(5000);
      // Another program's turn.
      time.wallNs += 3e6;
      clock.leave(i);
      run(500);
      // Nothing is to be done.
      time.wallNs += 50_000;
      clock.enter(i, b);
      run(1000);
      clock.leave(i);
      run(100);
    }
    clock.take();
    expect(charged()).toEqual([6000, 50_000, 10_000]);
  });

  it('makes up for what the wall clock counted too much', () => {
    const { time, clock, run, a, b, charged } = thread();
    clock.enter(1, a);
    run(1000);
    // Away for so short a time that it is not seen.
    time.wallNs += 9000;
    clock.leave(1);
    clock.enter(2, b);
    run(100_000);
    clock.leave(2);
    clock.take();
    expect(charged()).toEqual([0, 10_000, 91_000]);
    expect(time.cpuNs).toBe(101_000);
  });
});
