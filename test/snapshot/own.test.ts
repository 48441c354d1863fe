// SPDX-License-Identifier: Apache-2.0
import { reducingTo } from '../../src/snapshot/own.ts';
import { snapshotOf } from '../support/snapshots.ts';

const app = { pid: 7, energy_j: 1, cgroup: '/pod/app', container_id: 'app' };
const child = { pid: 8, energy_j: 2, cgroup: '/pod/app/child', container_id: 'app' };
const other = { pid: 9, energy_j: 4, cgroup: '/pod/db', container_id: 'db' };
const host = { pid: 1, energy_j: 8, cgroup: '/init.scope' };

describe('what is left of a snapshot for one process', () => {
  it('is the process itself and all cgroups of its container', () => {
    const left = reducingTo(7, 'node')(snapshotOf({ processes: [app, child, other, host] }));
    expect(left.processes.map(({ pid, executable }) => [pid, executable])).toEqual([[7, 'node']]);
    expect(left.cgroups.map(({ path }) => path)).toEqual(['/pod/app', '/pod/app/child']);
    expect(left).toMatchObject({ zones: [], domains: [], cores: [] });
  });

  it('has no cgroups where it is in no container', () => {
    const left = reducingTo(1, 'node')(snapshotOf({ processes: [app, host] }));
    expect(left.processes.map(({ energy_j }) => energy_j)).toEqual([8]);
    expect(left.cgroups).toEqual([]);
  });

  it('has its container in an interval in which it did not run itself', () => {
    const reduce = reducingTo(7, 'node');
    expect(reduce(snapshotOf({ processes: [child] })).cgroups).toEqual([]);
    reduce(snapshotOf({ processes: [app] }));
    const left = reduce(snapshotOf({ processes: [child, other] }));
    expect(left.processes).toEqual([]);
    expect(left.cgroups.map(({ energy_j }) => energy_j)).toEqual([2]);
  });
});
