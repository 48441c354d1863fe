// SPDX-License-Identifier: Apache-2.0
import { descendantsOf, familyOf } from '../../src/identity/descendants.ts';
import { type Columns, LIFECYCLE } from '../../src/probe/columns.ts';

/** [kind, pid, start, parent pid, parent start] */
type Event = [number, number, number, number, number];

function events(...entries: Event[]): Columns['lifecycle'] {
  const column = (i: number): number[] => entries.map((entry) => entry[i]!);
  return {
    kind: Uint32Array.from(column(0)),
    pid: Uint32Array.from(column(1)),
    startNs: Float64Array.from(column(2)),
    parentPid: Uint32Array.from(column(3)),
    parentStartNs: Float64Array.from(column(4)),
    comm: Buffer.alloc(entries.length * 16),
    program: entries.map(() => ''),
  };
}

describe('descendants', () => {
  it('follow forks through parents that have ended', () => {
    const family = descendantsOf(1);
    family.follow(
      events(
        [LIFECYCLE.fork, 10, 100, 1, 5],
        [LIFECYCLE.fork, 11, 110, 10, 100],
        [LIFECYCLE.exit, 10, 100, 0, 0],
      ),
    );
    family.follow(events([LIFECYCLE.fork, 12, 120, 11, 110], [LIFECYCLE.fork, 20, 120, 2, 6]));
    expect(family.size).toBe(3);
    expect(family.has(12, 120)).toBe(true);
    expect(family.has(20, 120)).toBe(false);
  });

  it('take a reused pid for another process', () => {
    const family = descendantsOf(1);
    family.follow(events([LIFECYCLE.fork, 10, 100, 1, 5], [LIFECYCLE.exit, 10, 100, 0, 0]));
    family.follow(events([LIFECYCLE.fork, 10, 900, 1, 5], [LIFECYCLE.fork, 30, 910, 10, 900]));
    expect(family.has(10, 100)).toBe(true);
    expect(family.has(10, 900)).toBe(false);
    expect(family.has(30, 910)).toBe(false);
  });

  it('hold nobody before the command is forked', () => {
    const family = descendantsOf(1);
    family.follow(events([LIFECYCLE.fork, 10, 100, 2, 7], [LIFECYCLE.exec, 10, 100, 0, 0]));
    expect(family.size).toBe(0);
    expect(family.has(10, 100)).toBe(false);
  });

  it('of what runs already are those that it forks from then on, each once', () => {
    const alive = new Map([
      [10, 100],
      [11, 110],
    ]);
    const family = familyOf({ has: (pid, startNs) => alive.get(pid) === startNs, size: alive.size });
    expect(family.has(11, 110)).toBe(true);
    family.follow(
      events(
        // Forked just before they were looked for: one of them already.
        [LIFECYCLE.fork, 11, 110, 10, 100],
        [LIFECYCLE.fork, 12, 120, 11, 110],
        [LIFECYCLE.fork, 13, 130, 10, 999],
        [LIFECYCLE.fork, 14, 140, 1, 5],
      ),
    );
    expect(family.size).toBe(3);
    expect(family.has(12, 120)).toBe(true);
    expect(family.has(13, 130)).toBe(false);
    expect(family.has(14, 140)).toBe(false);
    // The number of one of them, used again.
    expect(family.has(10, 900)).toBe(false);
  });
});
