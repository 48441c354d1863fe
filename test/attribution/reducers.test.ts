// SPDX-License-Identifier: Apache-2.0
import { byCgroup } from '../../src/attribution/by-cgroup.ts';
import { byCpus } from '../../src/attribution/by-cpus.ts';
import { byProcess } from '../../src/attribution/by-process.ts';
import { groupOfCpu, type PricedRows, type Reducer } from '../../src/attribution/reducer.ts';
import { columnsOf, type RowSpec } from '../support/columns.ts';

/** Rows of which each has as many Joules as it has counts. */
function priced(rows: readonly RowSpec[]): PricedRows {
  const columns = columnsOf({ rows }).rows;
  return {
    rows: columns,
    joules: columns.counts,
    uncertainJoules: columns.uncertainCounts,
    seconds: columns.timeNs.map((ns) => ns / 1e9),
  };
}

/** Hands the rows over two at a time. */
function reduce<Result>(reducer: Reducer<Result>, { rows }: PricedRows): Result {
  const { length } = rows.cpu;
  for (let begin = 0; begin < length; begin += 2) reducer.add(begin, Math.min(begin + 2, length));
  return reducer.result();
}

const SPEC: readonly RowSpec[] = [
  { cpu: 0, pid: 0, ms: 500, counts: 100 },
  { cpu: 0, pid: 7, ms: 10, counts: 1, uncertain: 0.5 },
  { cpu: 2, pid: 8, cgroup: 5, ms: 20, counts: 2, uncertain: 0.25 },
  { cpu: 1, pid: 7, ms: 30, counts: 4, uncertain: 0.125 },
  { cpu: 9, pid: 7, ms: 30, counts: 8 },
];
const ROWS = priced(SPEC);

describe('a reducer', () => {
  it('adds tasks up by cgroup, idle time being in none', () => {
    const { rows, cgroups } = columnsOf({ rows: SPEC });
    expect(reduce(byCgroup({ ...ROWS, rows }, cgroups), ROWS)).toEqual([
      { id: 1, process: { pid: 7, startNs: 0 }, joules: 13, seconds: expect.closeTo(0.07) },
      { id: 5, process: { pid: 8, startNs: 0 }, joules: 2, seconds: 0.02 },
    ]);
  });

  it('adds up by process, which the row with the most run time names, the first of equal ones', () => {
    expect(reduce(byProcess(ROWS, columnsOf({ rows: SPEC })), ROWS)).toMatchObject({
      processes: [
        {
          pid: 7,
          startNs: 0,
          index: 0,
          cgroup: 1,
          joules: 13,
          uncertainJoules: 0.625,
          seconds: expect.closeTo(0.07),
        },
        { pid: 8, startNs: 0, index: 1, cgroup: 5, joules: 2, uncertainJoules: 0.25, seconds: 0.02 },
      ],
      unidentified: null,
      processJoules: 15,
    });
  });

  it('finds each of several processes again that had the same pid', () => {
    const starts = [1, 2, 3, 1, 2, 3, 1];
    const spec = starts.map((start, i) => ({ cpu: 0, pid: 7, start, ms: 1, counts: 2 ** i }));
    const rows = priced(spec);
    const { processes } = reduce(byProcess(rows, columnsOf({ rows: spec })), rows);
    expect(processes.map(({ startNs, joules }) => [startNs, joules])).toEqual([
      [1, 1 + 8 + 64],
      [2, 2 + 16],
      [3, 4 + 32],
    ]);
  });

  it('adds up by groups of CPUs, leaves out what is in none, and knows where there was no row', () => {
    const groups = [{ cpus: [0, 2] }, { cpus: [1] }, { cpus: [5] }];
    const { joules, idleJoules, seen } = reduce(byCpus(ROWS, 3, groupOfCpu(groups)), ROWS);
    expect([[...joules], [...idleJoules], [...seen]]).toEqual([
      [103, 4, 0],
      [100, 0, 0],
      [1, 1, 0],
    ]);
  });
});
