// SPDX-License-Identifier: Apache-2.0
import { limitedRows, type Report, Reporter } from '../../src/recording/report.ts';
import { recording } from '../support/recording.ts';
import { snapshotOf } from '../support/snapshots.ts';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function reportOf(...snapshots: Parameters<Reporter['add']>[0][]): Report {
  const reporter = new Reporter();
  for (const snapshot of snapshots) reporter.add(snapshot);
  return reporter.report()!;
}

describe('a report', () => {
  it('closes, and has what the snapshots have', () => {
    const recorded = recording();
    const { totals, processes, cgroups, cores, snapshots, measured_s, kinds, sources } = reportOf(
      ...recorded,
    );
    expect([snapshots, kinds]).toEqual([195, ['estimated']]);
    expect(sources).toEqual([{ name: 'estimated', kind: 'estimated' }]);
    expect(measured_s).toBeCloseTo(sum(recorded.map(({ interval_s }) => interval_s)), 9);
    const counted = sum(recorded.map((one) => one.totals.counter_j));
    expect(totals.counter_j).toBeCloseTo(counted, 4);
    expect(totals.process_j + totals.idle_j + totals.unattributed_j).toBeCloseTo(counted, 4);
    for (const rows of [processes, cgroups])
      expect(sum(rows.map(({ energy_j }) => energy_j))).toBeCloseTo(totals.process_j, 4);
    expect(sum(cores.map(({ counter_j }) => counter_j))).toBeCloseTo(counted, 4);
    const limited = limitedRows(processes, 3);
    expect(limited).toHaveLength(4);
    expect(limited[3]).toMatchObject({ pid: null, executable: '(other)' });
    expect(sum(limited.map(({ energy_j }) => energy_j))).toBeCloseTo(totals.process_j, 4);
    expect(sum(limited.map((row) => row.processes))).toBe(sum(processes.map((row) => row.processes)));
  });

  it('has a row for what was seen, also where it ended, and one for all of a program that was over at once', () => {
    const node = { pid: 7, executable: 'node', cgroup: '/a', energy_j: 1, energy_err_j: 0.25 };
    const brief = (pid: number) => ({ pid, executable: 'cc1', cgroup: '/a', energy_j: 0.5, exited: true });
    const { processes } = reportOf(
      snapshotOf({ processes: [node, brief(8), brief(9)] }),
      snapshotOf({ processes: [{ ...node, energy_j: 2, exited: true }, brief(10)] }),
    );
    expect(processes).toMatchObject([
      { pid: 7, executable: 'node', energy_j: 3, energy_err_j: 0.5, processes: 1 },
      { pid: null, executable: 'cc1', energy_j: 1.5, energy_err_j: null, processes: 3 },
    ]);
  });

  it('has what is in (other) in its last row, once, however much it is', () => {
    const node = { pid: 7, executable: 'node', energy_j: 1 };
    const { processes } = reportOf(snapshotOf({ processes: [node, { pid: null, energy_j: 5 }] }));
    expect(processes.map(({ executable }) => executable)).toEqual(['node', '(other)']);
    expect(limitedRows(processes, 1)).toMatchObject([{ pid: 7 }, { executable: '(other)', energy_j: 5 }]);
    const many = [node, { ...node, pid: 8, energy_j: 2 }, { pid: null, energy_j: 5 }];
    const limited = limitedRows(reportOf(snapshotOf({ processes: many })).processes, 1);
    expect(limited).toMatchObject([{ pid: 8 }, { executable: '(other)', energy_j: 6 }]);
  });

  it('names each of the sources that it adds up, once', () => {
    const one = snapshotOf({ processes: [] });
    const other = { ...one, source: { ...one.source, name: 'perf:msr/tsc/', kind: 'estimated' as const } };
    const { sources } = reportOf(one, other, one);
    expect(sources).toEqual([one, other].map(({ source: { name, kind } }) => ({ name, kind })));
  });

  it('is bounded, whatever ran', () => {
    const many = (from: number) =>
      snapshotOf({
        processes: Array.from({ length: 30_000 }, (_, i) => ({ pid: from + i, energy_j: 1e-3 })),
      });
    const { processes, totals } = reportOf(many(0), many(30_000), many(60_000));
    expect(processes.length).toBeLessThanOrEqual(60_000);
    expect(sum(processes.map(({ energy_j }) => energy_j))).toBeCloseTo(totals.process_j, 4);
    expect(sum(processes.map((row) => row.processes))).toBe(90_000);
  });
});
