// SPDX-License-Identifier: Apache-2.0
import { type Columns, NO_PROCESS } from '../../src/probe/columns.ts';

export interface RowSpec {
  readonly cpu: number;
  readonly pid: number;
  readonly start?: number;
  readonly cgroup?: number;
  readonly ms: number;
  readonly counts?: number;
  readonly uncertain?: number;
  readonly comm?: string;
  /** J; without it nothing is predicted. */
  readonly predicted?: number;
  readonly predictedError?: number;
}

/** What is predicted of a package, by the index of its zone. */
export interface PackageSpec {
  readonly zone: number;
  readonly learned: boolean;
  readonly shared: number;
}

export interface CpuSpec {
  readonly cpu: number;
  readonly counts?: number;
  readonly gap?: number;
  readonly lost?: number;
  readonly residual?: number;
  readonly switches?: number;
  readonly lostRows?: number;
}

/** A lifecycle event: `LIFECYCLE.…`, pid, start, and the new name of an exec, and its program. */
export type LifecycleSpec = readonly [
  kind: number,
  pid: number,
  start: number,
  comm?: string,
  program?: string,
];

export function lifecycleOf(spec: readonly LifecycleSpec[]): Columns['lifecycle'] {
  const comm = Buffer.alloc(spec.length * 16);
  spec.forEach(([, , , name = ''], i) => comm.write(name, i * 16, 15));
  return {
    kind: Uint32Array.from(spec, ([kind]) => kind),
    pid: Uint32Array.from(spec, ([, pid]) => pid),
    startNs: Float64Array.from(spec, ([, , start]) => start),
    parentPid: new Uint32Array(spec.length),
    parentStartNs: new Float64Array(spec.length),
    comm,
    program: spec.map(([, , , , program = '']) => program),
  };
}

/** Numbers of processes, for good. */
const numbers = new Map<string, number>();
const NONE = 2 ** 32 - 1;

/** The lists of who is in the rows, as the native part makes them, and where each row's is. */
function rosterOf(
  rows: readonly RowSpec[],
): Pick<Columns, 'processes' | 'cgroups'> & { process: number[]; cgroup: number[] } {
  const keyOf = ({ pid, start = 0 }: RowSpec): string => `${pid} ${start}`;
  const tasks = rows.filter(({ pid }) => pid !== 0);
  const cgroups = [...new Set(tasks.map((row) => row.cgroup ?? 1))];
  const places = new Map(cgroups.map((id, i) => [id, i]));
  const cgroupOf = (row: RowSpec): number => (row.pid === 0 ? NONE : places.get(row.cgroup ?? 1)!);
  const found = new Map<string, RowSpec>();
  for (const row of tasks) {
    const most = found.get(keyOf(row));
    if (row.pid !== NO_PROCESS && !(most && most.ms >= row.ms)) found.set(keyOf(row), row);
  }
  for (const key of found.keys()) numbers.set(key, numbers.get(key) ?? numbers.size);
  const keys = [...found.keys()];
  const indexes = new Map(keys.map((key, i) => [key, i]));
  const processes = [...found.values()];
  const comm = Buffer.alloc(processes.length * 16);
  processes.forEach((row, i) => comm.write(row.comm ?? `p${row.pid}`, i * 16, 15));
  const first = cgroups.map((id) => {
    const inside = tasks.filter((row) => (row.cgroup ?? 1) === id);
    return inside.find(({ pid }) => pid !== NO_PROCESS) ?? inside[0]!;
  });
  return {
    process: rows.map((row) => indexes.get(keyOf(row)) ?? NONE),
    cgroup: rows.map(cgroupOf),
    processes: {
      number: Uint32Array.from(keys, (key) => numbers.get(key)!),
      pid: Uint32Array.from(processes, ({ pid }) => pid),
      startNs: Float64Array.from(processes, ({ start }) => start ?? 0),
      cgroup: Uint32Array.from(processes, cgroupOf),
      comm,
    },
    cgroups: {
      id: Float64Array.from(cgroups),
      pid: Uint32Array.from(first, ({ pid }) => pid),
      startNs: Float64Array.from(first, ({ start }) => start ?? 0),
    },
  };
}

/** What a drain returns, made of plain rows. */
export function columnsOf(spec: {
  readonly rows?: readonly RowSpec[];
  readonly cpus?: readonly CpuSpec[];
  readonly packages?: readonly PackageSpec[];
  readonly lifecycle?: readonly LifecycleSpec[];
  /** New cgroups: path by id. */
  readonly cgroups?: Readonly<Record<number, string>>;
}): Columns {
  const { rows = [], cpus = [], packages = [], lifecycle = [], cgroups = {} } = spec;
  const { process, cgroup, ...lists } = rosterOf(rows);
  return {
    rows: {
      cpu: Uint32Array.from(rows, (row) => row.cpu),
      pid: Uint32Array.from(rows, (row) => row.pid),
      process: Uint32Array.from(process),
      cgroup: Uint32Array.from(cgroup),
      label: new Uint32Array(rows.length),
      timeNs: Float64Array.from(rows, (row) => row.ms * 1e6),
      counts: Float64Array.from(rows, (row) => row.counts ?? 0),
      uncertainCounts: Float64Array.from(rows, (row) => row.uncertain ?? 0),
      predictedJoules: Float64Array.from(rows, (row) => row.predicted ?? NaN),
      predictedErrorJoules: Float64Array.from(rows, (row) => row.predictedError ?? NaN),
    },
    ...lists,
    packages: {
      zone: Uint32Array.from(packages, ({ zone }) => zone),
      learned: Uint32Array.from(packages, ({ learned }) => Number(learned)),
      sharedJoules: Float64Array.from(packages, ({ shared }) => shared),
      idleJoules: Float64Array.from(packages, () => 0),
    },
    cpus: {
      cpu: Uint32Array.from(cpus, ({ cpu }) => cpu),
      switches: Uint32Array.from(cpus, ({ switches }) => switches ?? 0),
      lostRows: Uint32Array.from(cpus, ({ lostRows }) => lostRows ?? 0),
      backwards: new Uint32Array(cpus.length),
      jumps: new Uint32Array(cpus.length),
      counts: Float64Array.from(cpus, ({ counts }) => counts ?? 0),
      gapCounts: Float64Array.from(cpus, ({ gap }) => gap ?? 0),
      lostCounts: Float64Array.from(cpus, ({ lost }) => lost ?? 0),
      residualCounts: Float64Array.from(cpus, ({ residual }) => residual ?? 0),
    },
    lifecycle: lifecycleOf(lifecycle),
    mkdirs: {
      cgroup: Float64Array.from(Object.keys(cgroups), Number),
      path: Object.values(cgroups),
    },
    lostEvents: 0,
    timeNs: 0,
  };
}
