// SPDX-License-Identifier: Apache-2.0
import { allSeries } from '../../src/ledger/reading.ts';
import { meanPower } from '../../src/ledger/series.ts';
import { machine, processes, total } from '../support/ledgers.ts';
import { type ProcessSpec, type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

describe('a process', () => {
  const at = (energy_j: number): SnapshotSpec => ({ processes: [{ pid: 1, executable: 'db', energy_j }] });

  it('has a series of its own from when it has lived for two exports on', () => {
    const { interval, collect } = machine();
    interval(at(1));
    collect();
    interval(at(1));
    collect();
    interval(at(1));
    // What it used before stays where it is.
    expect(processes(collect())).toEqual({ db: 3 });
    interval(at(4));
    expect(processes(collect())).toEqual({ db: 3, 1: 4 });
  });

  it('has none while nobody has collected twice, and none at all where the limit is 0', () => {
    for (const limits of [{}, { processes: 0 }]) {
      const { interval, live, collect } = machine(limits);
      for (let i = 0; i < 9; i++) interval(at(1));
      if ('processes' in limits) live(9, at(1));
      interval(at(1));
      expect(Object.keys(processes(collect()))).toEqual(['db']);
    }
  });

  it('has none once it has ended, or has become another program', () => {
    const { live, collect } = machine();
    live(2, at(1));
    live(1, { processes: [{ pid: 1, executable: 'db', energy_j: 1, exited: true }] });
    live(9, {});
    expect(collect().processes.filter(({ owner }) => owner.pid !== null)).toEqual([]);
    live(2, at(1));
    live(9, { processes: [{ pid: 1, executable: 'exec', energy_j: 1 }] });
    const owners = collect().processes.map(({ owner }) => owner);
    expect(owners.filter(({ pid }) => pid !== null)).toMatchObject([{ pid: 1, executable: 'exec' }]);
  });

  it('waits for the reader that comes most rarely', () => {
    const { ledger, interval, live, collect } = machine();
    const rare = ledger.reader();
    interval(at(1));
    collect(rare);
    live(5, at(1));
    expect(Object.keys(processes(collect()))).toEqual(['db']);
    live(2, at(1), rare);
    interval(at(1));
    interval(at(1));
    expect(Object.keys(processes(collect()))).toEqual(['1', 'db']);
  });

  it('begins another series with another program, and leaves it when the pid is used again', () => {
    const { interval, live, collect } = machine();
    const as = (spec: Partial<ProcessSpec>): SnapshotSpec => ({
      processes: [{ pid: 1, energy_j: 1, ...spec }],
    });
    live(4, as({ executable: 'sh' }));
    expect(processes(collect())).toEqual({ sh: 3, 1: 1 });
    interval(as({ executable: 'cc' }));
    expect(processes(collect())).toEqual({ sh: 3, cc: 1, 1: 1 });
    // Its own series has been shown to the end.
    interval(as({ executable: 'ld', creation_time: '2026-01-01T00:00:09.000Z' }));
    expect(processes(collect())).toEqual({ sh: 3, cc: 1, ld: 1 });
  });

  it('is not ended by what an earlier one of its pid used last', () => {
    const { interval, live, collect } = machine();
    const running = { pid: 1, executable: 'new', energy_j: 1 };
    live(4, { processes: [running] });
    interval({
      processes: [
        { pid: 1, executable: 'old', creation_time: '2025-12-31T00:00:00.000Z', exited: true, energy_j: 1 },
      ],
    });
    interval({ processes: [running] });
    expect(processes(collect())).toEqual({ new: 3, old: 1, 1: 2 });
  });

  it('gets a series later than what it was first charged in has been exported twice', () => {
    const { interval, collect } = machine();
    interval();
    // At this collection it was not there.
    collect();
    interval(at(1));
    collect();
    interval(at(1));
    expect(Object.keys(processes(collect()))).toEqual(['db']);
    interval(at(1));
    interval(at(1));
    expect(processes(collect())).toEqual({ db: 3, 1: 1 });
  });

  it('has lived for one export where the same is collected again', () => {
    const { interval, collect } = machine();
    interval(at(1));
    collect();
    collect();
    interval(at(1));
    interval(at(1));
    expect(Object.keys(processes(collect()))).toEqual(['db']);
  });

  it('does not wait for a reader that has never come, nor for one that has not come for five minutes', () => {
    const { ledger, live, interval, collect } = machine();
    ledger.reader();
    const rare = ledger.reader();
    interval(at(1));
    collect(rare);
    live(300, at(1));
    interval(at(1));
    expect(Object.keys(processes(collect()))).toEqual(['db']);
    live(2, at(1));
    expect(Object.keys(processes(collect()))).toEqual(['1', 'db']);
  });

  it('is shown once more when it has ended, and its place is free', () => {
    const { ledger, live, interval, collect } = machine({ processes: 1 });
    live(4, at(1));
    interval({ processes: [{ pid: 1, executable: 'db', energy_j: 2, exited: true }] });
    const { size } = ledger;
    expect(processes(collect())).toEqual({ db: 3, 1: 3 });
    expect(processes(collect())).toEqual({ db: 3 });
    interval();
    expect(ledger.size).toBe(size - 1);
    // The next one may have to wait for half a minute.
    live(40, { processes: [{ pid: 2, executable: 'db', energy_j: 1 }] });
    expect(processes(collect())).toHaveProperty('2');
  });

  it('ends with its container, unless that was charged in the last interval', () => {
    const { ledger, live, interval, collect } = machine();
    const inContainer = { processes: [{ pid: 1, energy_j: 1, cgroup: '/c', container_id: 'c' }] };
    live(4, inContainer);
    ledger.endRemoved({ cgroup: () => false });
    interval(inContainer);
    expect(processes(collect())).toEqual({ 'a c': 3, '1 c': 2 });
    interval();
    ledger.endRemoved({ cgroup: () => true });
    expect(processes(collect())).toHaveProperty('1 c');
    expect(processes(collect())).toHaveProperty('1 c');
    ledger.endRemoved({ cgroup: () => false });
    interval(inContainer);
    // What it used then is not in the series that had ended.
    expect(processes(collect())).toHaveProperty('1 c', 2);
  });

  it('leaves its series when it ends as another program, or is moved to another container', () => {
    for (const other of [{ executable: 'cc', exited: true }, { container_id: 'c' }]) {
      const { live, interval, collect } = machine();
      live(4, at(1));
      interval({ processes: [{ pid: 1, executable: 'db', energy_j: 5, ...other }] });
      expect(processes(collect())).toMatchObject({ db: 3, 1: 1 });
      expect(processes(collect())).not.toHaveProperty('1');
    }
  });

  it('is another one of the same program where its pid was used again', () => {
    const { live, interval, collect } = machine();
    live(4, at(1));
    interval({
      processes: [{ pid: 1, executable: 'db', energy_j: 5, creation_time: '2026-01-01T00:00:09.000Z' }],
    });
    expect(processes(collect())).toEqual({ db: 8, 1: 1 });
    expect(processes(collect())).toEqual({ db: 8 });
  });

  it('loses nothing when it becomes another program and comes back', () => {
    const { live, interval, collect } = machine();
    live(4, at(1));
    interval({ processes: [{ pid: 1, executable: 'sh', energy_j: 1 }] });
    interval(at(1));
    const reading = collect();
    expect(total(reading.processes)).toBe(6);
    expect(processes(reading)).toEqual({ db: 4, sh: 1, 1: 1 });
  });

  it('has one if it is among the largest, of which the last ones may be as large as others', () => {
    const { live, collect } = machine({ processes: 2 });
    const joules = [1, 1, 1, 5];
    live(9, { processes: joules.map((energy_j, i) => ({ pid: i + 1, energy_j })) });
    const pids = collect().processes.flatMap(({ owner }) => owner.pid ?? []);
    expect(pids).toHaveLength(2);
    expect(pids).toContain(4);
  });

  it('has none if it uses nothing, nor if nobody knows who it is', () => {
    const { live, collect } = machine();
    live(9, { processes: [{ pid: 1, energy_j: 0 }, { energy_j: 3 }] });
    const { processes: series } = collect();
    expect(series.map(({ owner }) => [owner.pid, owner.executable])).toEqual([
      [null, '(other)'],
      [null, '(kernel)'],
      [null, 'a'],
    ]);
  });
});

describe('an interval', () => {
  it('is added in short steps, between which nothing has changed', () => {
    const { ledger, interval, collect } = machine();
    interval();
    const many = Array.from({ length: 1000 }, (_, i) => ({ pid: i + 1, energy_j: 1 }));
    const steps = ledger.adding(snapshotOf({ processes: many }));
    const shown = (): unknown[] => {
      const reading = collect();
      return [reading.nowMs, ...allSeries(reading).map(({ owner, value }) => [owner, value])];
    };
    const before = shown();
    let count = 0;
    for (; !steps.next().done; count++) expect(shown()).toEqual(before);
    expect(count).toBeGreaterThan(20);
    expect(count).toBeLessThan(100);
    expect(total(collect().processes)).toBe(1000);
  });
});

describe('a mean power', () => {
  const span = { fromMs: 1_000_000, toMs: 1_060_000 };

  it('comes by 63 % nearer to what was used in a minute', () => {
    expect(meanPower(0, 60, span)).toBeCloseTo(1 - 1 / Math.E, 12);
    expect(meanPower(3, 60, span)).toBeCloseTo(1 + 2 / Math.E, 12);
  });

  it('stays where no time has passed', () => {
    expect(meanPower(3, 60, { fromMs: 5, toMs: 5 })).toBe(3);
  });
});
