// SPDX-License-Identifier: Apache-2.0
import { descendantsOf } from '../../src/identity/descendants.ts';
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
});
