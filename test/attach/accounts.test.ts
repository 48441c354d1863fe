// SPDX-License-Identifier: Apache-2.0
import { Accounts } from '../../src/attach/accounts.ts';
import { ProcessTable } from '../../src/attribution/process-table.ts';
import { startTicks } from '../../src/host/procfs.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { columnsOf } from '../support/columns.ts';
import { type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

const PROC = '/proc';
const START_NS = 5e9;
const ID = 'a'.repeat(64);
const OTHER_ID = 'b'.repeat(64);
const peer = { pid: 7, startTicks: startTicks(START_NS, PROC) };

interface Charged {
  readonly pid?: number;
  readonly startNs?: number;
  readonly cgroup?: number;
  readonly joules: number;
  readonly error?: number | null;
}

/** Accounts with a clock of their own: each interval takes a second, unless it is said to be shorter. */
function accounts(): {
  all: Accounts;
  interval: (
    charged: readonly Charged[],
    cgroups?: readonly Partial<Snapshot['cgroups'][number]>[],
    ms?: number,
  ) => boolean;
} {
  let nowMs = 0;
  let count = 0;
  const all = new Accounts({ proc: PROC, leastAgeMs: 1000, now: () => nowMs });
  return {
    all,
    interval(charged, cgroups = [], ms = 1000) {
      nowMs += ms;
      const spec: SnapshotSpec = {};
      const row = { energy_j: 0, power_w: 0, cpu_time_s: 0, container_id: null } as const;
      const snapshot = {
        ...snapshotOf(spec),
        time: new Date(++count * 1000).toISOString(),
        interval_s: ms / 1000,
        cgroups: cgroups.map((one) => ({ ...row, ...one })) as unknown as Snapshot['cgroups'],
      };
      const rows = charged.map(({ pid = 7, startNs: start = START_NS, cgroup = 1 }) => ({
        cpu: 0,
        pid,
        start,
        cgroup,
        ms: 1,
      }));
      const table = new ProcessTable(columnsOf({ rows }), true);
      charged.forEach(({ joules, error = 0.5 }, i) => {
        table.joules[i] = joules;
        table.uncertainJoules![i] = error ?? NaN;
        table.seconds[i] = joules / 10;
      });
      return all.add({ snapshot, charges: { table } });
    },
  };
}

describe('what an attached process used', () => {
  it('is added up from when it was attached, with its error and its CPU time', () => {
    const { all, interval } = accounts();
    interval([{ joules: 100 }]);
    all.attach(peer);
    interval([{ joules: 1 }, { pid: 8, joules: 50 }]);
    interval([{ joules: 2 }]);
    interval([]);
    const { process, seq } = all.reading(peer, false)!;
    expect(seq).toBe(4);
    expect(process).toMatchObject({ pid: 7, energy_j: 3, energy_err_j: 1, elapsed_s: 3 });
    expect(process.cpu_time_s).toBeCloseTo(0.3, 12);
    expect(process.since).toBe(new Date(1000).toISOString());
  });

  it('is shown a second apart, however short intervals are, and nothing of it is left out', () => {
    const { all, interval } = accounts();
    all.attach(peer);
    interval([{ joules: 1 }]);
    const shown = Array.from({ length: 20 }, () => {
      const isNew = interval([{ joules: 1 }], [], 100);
      return [isNew, all.reading(peer, false)!.process.energy_j] as const;
    });
    // A second less a tenth counts as one.
    const expected = Array.from({ length: 20 }, (_, i) => [
      (i + 1) % 9 === 0,
      1 + Math.floor((i + 1) / 9) * 9,
    ]);
    expect(shown).toEqual(expected);
  });

  it('has an error that is not known from the first interval on in which it is not', () => {
    const { all, interval } = accounts();
    all.attach(peer);
    interval([{ joules: 1, error: null }]);
    interval([{ joules: 1 }]);
    expect(all.reading(peer, false)!.process.energy_err_j).toBeNull();
  });

  it('is not that of another process which has its pid now', () => {
    const { all, interval } = accounts();
    all.attach(peer);
    interval([{ joules: 1 }]);
    interval([{ joules: 50, startNs: START_NS + 1e9 }]);
    expect(all.reading(peer, false)!.process.energy_j).toBe(1);
    const successor = { pid: 7, startTicks: startTicks(START_NS + 1e9, PROC) };
    all.attach(successor);
    expect(all.reading(peer, false)).toBeUndefined();
    interval([{ joules: 4, startNs: START_NS + 1e9 }]);
    expect(all.reading(successor, false)!.process.energy_j).toBe(4);
  });

  it('goes on where it comes again, and begins anew where it was away for long', () => {
    const { all, interval } = accounts();
    interval([]);
    all.attach(peer);
    interval([{ joules: 1 }]);
    all.detach(peer);
    interval([{ joules: 2 }]);
    all.attach(peer);
    expect(all.reading(peer, false)!.process.energy_j).toBe(3);
    all.detach(peer);
    for (let pid = 100; pid < 200; pid++) {
      all.attach({ pid, startTicks: 1 });
      all.detach({ pid, startTicks: 1 });
    }
    all.attach(peer);
    expect(all.reading(peer, false)!.process).toMatchObject({ energy_j: 0, elapsed_s: 0 });
  });
});

describe('what the container of an attached process used', () => {
  const directory = `/system.slice/docker-${ID}.scope`;
  const rows = [
    { id: '1', path: directory, container_id: ID, energy_j: 2 },
    { id: '2', path: `${directory}/init`, container_id: ID, energy_j: 3 },
    { id: '3', path: '/user.slice', container_id: null, energy_j: 50 },
  ];

  it('is what all cgroups in its directory used', () => {
    const { all, interval } = accounts();
    all.attach(peer);
    interval([{ joules: 1, cgroup: 2 }], rows);
    interval([{ joules: 1, cgroup: 2 }], rows);
    expect(all.reading(peer, true)!.container).toMatchObject({ id: ID, energy_j: 10, energy_err_j: null });
    expect(all.reading(peer, false)!.container).toBeUndefined();
  });

  it('is none for a process that is in no container', () => {
    const { all, interval } = accounts();
    all.attach(peer);
    interval([{ joules: 1, cgroup: 3 }], rows);
    interval([{ joules: 1, cgroup: 4 }], [...rows, { id: '4', path: '/', container_id: null, energy_j: 9 }]);
    expect(all.reading(peer, true)!.container).toBeUndefined();
  });

  it('is not that of another container, whose name a cgroup in it may have', () => {
    const { all, interval } = accounts();
    all.attach(peer);
    const fake = { id: '4', path: `${directory}/docker/${OTHER_ID}`, container_id: OTHER_ID, energy_j: 1 };
    const other = {
      id: '5',
      path: `/system.slice/docker-${OTHER_ID}.scope`,
      container_id: OTHER_ID,
      energy_j: 70,
    };
    interval([{ joules: 1, cgroup: 4 }], [...rows, fake, other]);
    expect(all.reading(peer, true)!.container).toMatchObject({ energy_j: 1 });
  });

  it('begins anew where the process moves to another one', () => {
    const { all, interval } = accounts();
    all.attach(peer);
    interval([{ joules: 1, cgroup: 1 }], rows);
    const other = { id: '5', path: `/docker/${OTHER_ID}`, container_id: OTHER_ID, energy_j: 7 };
    interval([{ joules: 1, cgroup: 5 }], [...rows, other]);
    expect(all.reading(peer, true)!.container).toMatchObject({ id: OTHER_ID, energy_j: 7, elapsed_s: 1 });
  });
});
