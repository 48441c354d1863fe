// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { NO_PROCESS } from '../../src/probe/columns.ts';
import { createRandom } from '../simulation/random.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Row {
  readonly pid: number;
  readonly start?: number;
  readonly cgroup?: number;
  readonly label?: number;
  readonly ns?: number;
  readonly comm?: string;
}

interface Listed {
  readonly rows: { readonly process: number[]; readonly cgroup: number[]; readonly label: number[] };
  readonly processes: {
    readonly number: number[];
    readonly pid: number[];
    readonly startNs: number[];
    readonly cgroup: number[];
    readonly comm: string[];
  };
  readonly cgroups: { readonly id: number[]; readonly pid: number[]; readonly startNs: number[] };
}

const ROOT = join(__dirname, '../..');
const NONE = 2 ** 32 - 1;
let program: string;

beforeAll(() => {
  program = join(temporaryDirectory(), 'roster');
  const options = ['-O2', '-std=c++17', '-Wall', '-Wextra', '-Inative', '-Ibpf'];
  execFileSync('g++', [...options, 'test/native/roster.cc', 'native/roster.cc', '-o', program], {
    cwd: ROOT,
  });
});

/** What the lists of intervals are that follow one another. */
function list(...intervals: readonly (readonly Row[])[]): Listed[] {
  const lines = intervals.flatMap((rows) => [
    ...rows.map(({ pid, start = 0, cgroup = 1, label = 0, ns = 1, comm = 'x' }) =>
      [pid, start, cgroup, label, ns, comm].join(' '),
    ),
    '',
  ]);
  const input = `${lines.join('\n')}\n`;
  const output = execFileSync(program, { input, encoding: 'utf8', maxBuffer: 2 ** 30 });
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Listed);
}

/** Whether each row is of whom it says it is, and nobody is listed twice. */
function expectTrue({ rows, processes, cgroups }: Listed, given: readonly Row[]): void {
  const key = (pid: number, start = 0): string => `${pid} ${start}`;
  const wrong = given.filter(({ pid, start, cgroup = 1, label = 0 }, i) => {
    const at = rows.process[i]!;
    const isNobody = pid === 0 || pid === NO_PROCESS;
    const itsOwn = isNobody
      ? at === NONE
      : key(processes.pid[at]!, processes.startNs[at]) === key(pid, start);
    const where = pid === 0 ? rows.cgroup[i] === NONE : cgroups.id[rows.cgroup[i]!] === cgroup;
    return !itsOwn || !where || rows.label[i] !== label;
  });
  expect(wrong).toEqual([]);
  const keys = processes.pid.map((pid, i) => key(pid, processes.startNs[i]));
  for (const once of [keys, processes.number, cgroups.id])
    expect(new Set<unknown>(once).size).toBe(once.length);
}

describe('the lists of who is in the rows of an interval', () => {
  it('have each process once, and keep reused pids, cgroups and labels apart', () => {
    const rows: Row[] = [
      { pid: 0, cgroup: 9 },
      { pid: 7, start: 1, cgroup: 5, ns: 10, comm: 'cc' },
      { pid: 7, start: 2, cgroup: 5, ns: 5, comm: 'sh' },
      { pid: 7, start: 1, cgroup: 6, label: 3, ns: 30, comm: 'ld' },
      { pid: 7, start: 1, cgroup: 5, label: 4, ns: 30, comm: 'as' },
      { pid: NO_PROCESS, cgroup: 8 },
    ];
    const [listed] = list(rows) as [Listed];
    expectTrue(listed, rows);
    expect(listed.processes).toMatchObject({ pid: [7, 7], startNs: [1, 2] });
    // The row with the most run time tells where a process is and what it is called, the first of equal ones.
    expect(listed.processes.comm).toEqual(['ld', 'sh']);
    expect(listed.processes.cgroup.map((at) => listed.cgroups.id[at])).toEqual([6, 5]);
    expect(listed.rows.process).toEqual([NONE, 0, 1, 0, 0, NONE]);
    expect(listed.cgroups.id).toEqual([5, 6, 8]);
  });

  it('name a process of each cgroup, rather than nobody', () => {
    const [listed] = list([
      { pid: NO_PROCESS, cgroup: 8 },
      { pid: 7, start: 3, cgroup: 8 },
      { pid: NO_PROCESS, cgroup: 9 },
    ]) as [Listed];
    expect(listed.cgroups).toEqual({ id: [8, 9], pid: [7, NO_PROCESS], startNs: [3, 0] });
  });

  it('are empty where nobody ran', () => {
    const [listed] = list([{ pid: 0 }]) as [Listed];
    expect([listed.processes.pid, listed.cgroups.id]).toEqual([[], []]);
  });

  it('give a process the same number in each interval in which it is charged, and in one that it slept through', () => {
    const intervals = [[1, 2, 3], [3, 1], [2], [4, 3, 2, 1]].map((pids) => pids.map((pid) => ({ pid })));
    const numbers = list(...intervals).map(({ processes }) =>
      processes.pid.map((pid, i) => [pid, processes.number[i]!] as const),
    );
    const first = new Map(numbers[0]);
    for (const [pid, number] of numbers.flat()) expect(number).toBe(first.get(pid) ?? 3);
  });

  it('hold more than 65,536 processes, and as many others later, without ever more numbers', () => {
    const random = createRandom(5);
    const intervals = Array.from({ length: 5 }, (_, interval) =>
      Array.from({ length: 70_000 }, (__, i) => ({
        pid: 1 + (i % 40_000),
        // The rest is gone after an interval.
        start: i < 10_000 ? i : 1e9 + 70_000 * interval + i,
        cgroup: 1 + Math.floor(random.uniform() * 3000),
        ns: i,
      })),
    );
    const listed = list(...intervals);
    listed.forEach((one, i) => expectTrue(one, intervals[i]!));
    const numbers = listed.map(
      ({ processes }) => new Map(processes.startNs.map((at, i) => [at, processes.number[i]!])),
    );
    const stayed = Array.from({ length: 10_000 }, (_, i) => new Set(numbers.map((its) => its.get(i))).size);
    expect(Math.max(...stayed)).toBe(1);
    // Those of two intervals stay known, and as many more until it is looked who is gone.
    const most = Math.max(...listed.flatMap(({ processes }) => Math.max(...processes.number.slice(-1000))));
    expect(most).toBeLessThan(4 * 70_000);
  });
});
