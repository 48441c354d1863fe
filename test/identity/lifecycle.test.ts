// SPDX-License-Identifier: Apache-2.0
import { createLifecycle } from '../../src/identity/lifecycle.ts';
import { LIFECYCLE } from '../../src/probe/columns.ts';
import { lifecycleOf } from '../support/columns.ts';

describe('what became of processes', () => {
  it('holds who ended, and the last name of who became another program', () => {
    const lifecycle = createLifecycle();
    lifecycle.follow(
      lifecycleOf([
        [LIFECYCLE.exec, 1, 100, 'sh'],
        [LIFECYCLE.exec, 1, 100, 'true'],
        [LIFECYCLE.exit, 2, 200],
      ]),
    );
    const [first, second] = [
      { pid: 1, startNs: 100 },
      { pid: 2, startNs: 200 },
    ];
    expect([lifecycle.newNameOf(first), lifecycle.newNameOf(second)]).toEqual(['true', undefined]);
    expect([lifecycle.hasExited(first), lifecycle.hasExited(second)]).toEqual([false, true]);
  });

  it('is changed by an exec alone: a fork has the name of the parent', () => {
    const lifecycle = createLifecycle();
    lifecycle.follow(lifecycleOf([[LIFECYCLE.fork, 1, 100, 'parent']]));
    expect(lifecycle.newNameOf({ pid: 1, startNs: 100 })).toBeUndefined();
  });

  it('is not taken for that of a process which began at the same moment, nor of one with the same pid', () => {
    const lifecycle = createLifecycle();
    lifecycle.follow(
      lifecycleOf([
        [LIFECYCLE.exec, 1, 100, 'true'],
        [LIFECYCLE.exit, 1, 100],
      ]),
    );
    for (const other of [
      { pid: 2, startNs: 100 },
      { pid: 1, startNs: 101 },
    ]) {
      expect([lifecycle.newNameOf(other), lifecycle.hasExited(other)]).toEqual([undefined, false]);
    }
  });

  it('holds a new name for one interval: from then on it is charged under that', () => {
    const lifecycle = createLifecycle();
    lifecycle.follow(lifecycleOf([[LIFECYCLE.exec, 1, 100, 'true']]));
    lifecycle.follow(lifecycleOf([]));
    expect(lifecycle.newNameOf({ pid: 1, startNs: 100 })).toBeUndefined();
  });

  it('holds the program of an exec for two intervals: its slices may come in the next one', () => {
    const lifecycle = createLifecycle();
    const process = { pid: 1, startNs: 100 };
    const programs: (string | undefined)[] = [];
    for (const events of [
      [[LIFECYCLE.exec, 1, 100, 'a-long', 'a-long-name'] as const, [LIFECYCLE.exit, 1, 100] as const],
      [],
      [],
      [[LIFECYCLE.exec, 1, 100, 'a', 'a'] as const],
      [[LIFECYCLE.exec, 1, 100, 'b', 'b'] as const],
    ]) {
      lifecycle.follow(lifecycleOf(events));
      programs.push(lifecycle.programOf(process));
    }
    expect(programs).toEqual(['a-long-name', 'a-long-name', undefined, 'a', 'b']);
    expect(lifecycle.programOf({ pid: 1, startNs: 101 })).toBeUndefined();
    expect(lifecycle.programOf({ pid: 2, startNs: 100 })).toBeUndefined();
  });

  it.each([
    ['a name that was cut off', ''],
    ['what memfd_create(2) was given', 'memfd:runc'],
  ])('has no program of %s', (_what, program) => {
    const lifecycle = createLifecycle();
    lifecycle.follow(lifecycleOf([[LIFECYCLE.exec, 1, 100, 'a', program]]));
    expect(lifecycle.programOf({ pid: 1, startNs: 100 })).toBeUndefined();
  });

  it('forgets 20,000 that ended, ten intervals later and not before', () => {
    const lifecycle = createLifecycle();
    const ended = Array.from({ length: 20_000 }, (_, i) => ({ pid: i, startNs: i * 1e7 }));
    const known = (): number => ended.filter((process) => lifecycle.hasExited(process)).length;
    lifecycle.follow(lifecycleOf(ended.map(({ pid, startNs }) => [LIFECYCLE.exit, pid, startNs])));
    for (let interval = 0; interval < 10; interval++) lifecycle.follow(lifecycleOf([]));
    expect(known()).toBe(20_000);
    lifecycle.follow(lifecycleOf([]));
    expect(known()).toBe(0);
  });
});
