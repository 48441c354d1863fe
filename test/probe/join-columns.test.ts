// SPDX-License-Identifier: Apache-2.0
import { attribute } from '../../src/attribution/attribute.ts';
import type { SwitchedSource } from '../../src/model/source.ts';
import { commAt } from '../../src/probe/columns.ts';
import { joinColumns } from '../../src/probe/join-columns.ts';
import { columnsOf } from '../support/columns.ts';

const source: SwitchedSource = {
  name: 'power_core',
  scope: 'cpu',
  domain: 'cpu',
  reader: 'bpf',
  kind: 'measured',
  event: { type: 9, config: 1n, config1: 0n, config2: 0n },
  joulesPerCount: 0.5,
  idlePays: false,
  maxWatts: 0,
  zones: [{ id: 'cpu:0', cpus: [0], lead: 0 }],
  auxiliary: [],
};
const cores = [{ id: '0:0', package: '0', die: '0', cpus: [0] }];

/** Where there is no process, or no cgroup. */
const NONE = 2 ** 32 - 1;

describe('the columns of two drains', () => {
  const earlier = columnsOf({
    rows: [
      { cpu: 0, pid: 7, start: 1, ms: 10, counts: 4, comm: 'cc' },
      { cpu: 0, pid: 0, ms: 90, counts: 1 },
    ],
    cpus: [{ cpu: 0, counts: 5, gap: 2 }],
  });
  const later = {
    ...columnsOf({
      rows: [
        { cpu: 0, pid: 7, start: 1, cgroup: 2, ms: 30, counts: 8, comm: 'ld' },
        { cpu: 0, pid: 8, start: 2, ms: 5, counts: 2 },
      ],
      cpus: [{ cpu: 0, counts: 12, lost: 2 }],
    }),
    mkdirs: { cgroup: new Float64Array([5]), path: ['/new'] },
    lostEvents: 3,
    timeNs: 9,
  };

  it('have everything of both, in order', () => {
    const joined = joinColumns(earlier, later);
    expect([...joined.rows.pid]).toEqual([7, 0, 7, 8]);
    expect([...joined.rows.counts]).toEqual([4, 1, 8, 2]);
    expect([...joined.rows.process]).toEqual([0, NONE, 0, 1]);
    expect([...joined.rows.cgroup]).toEqual([0, NONE, 1, 0]);
    expect([...joined.processes.pid]).toEqual([7, 8]);
    expect([...joined.processes.cgroup]).toEqual([1, 0]);
    expect([...joined.cgroups.id]).toEqual([1, 2]);
    expect([...joined.cpus.gapCounts]).toEqual([2, 0]);
    expect(joined.mkdirs).toEqual(later.mkdirs);
    expect(joined).toMatchObject({ lostEvents: 3, timeNs: 9 });
    const types = (columns: object): string[] =>
      Object.values(columns).flatMap((group) =>
        Object.values(group as object).map((column: object) => column.constructor.name),
      );
    expect(types(joined)).toEqual(types(later));
  });

  it('are priced as one interval, in which each process is one', () => {
    const joined = joinColumns(earlier, later);
    const charges = attribute(joined, source, cores);
    expect(charges.zones).toMatchObject([{ joules: 9.5, idleJoules: 0.5, gapJoules: 1, lostJoules: 1 }]);
    const name = (index: number): string => commAt(joined.processes.comm, index);
    expect(charges.processes.map(({ pid, joules, index }) => [pid, joules, name(index)])).toEqual([
      [7, 6, 'ld'],
      [8, 1, 'p8'],
    ]);
    expect(charges.cgroups).toMatchObject([
      { id: 1, joules: 3 },
      { id: 2, joules: 4 },
    ]);
    expect(charges.processJoules).toBe(7);
  });
});
