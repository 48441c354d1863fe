// SPDX-License-Identifier: Apache-2.0
import type { Columns } from '../../src/probe/columns.ts';

export interface RowSpec {
  readonly cpu: number;
  readonly pid: number;
  readonly start?: number;
  readonly cgroup?: number;
  readonly ms: number;
  readonly counts?: number;
  readonly uncertain?: number;
  readonly comm?: string;
}

export interface CpuSpec {
  readonly cpu: number;
  readonly counts?: number;
  readonly gap?: number;
  readonly lost?: number;
}

/** What a drain returns, made of plain rows. */
export function columnsOf(spec: { rows?: RowSpec[]; cpus?: CpuSpec[] }): Columns {
  const { rows = [], cpus = [] } = spec;
  const comm = Buffer.alloc(rows.length * 16);
  rows.forEach((row, i) => comm.write(row.comm ?? `p${row.pid}`, i * 16, 15));
  return {
    rows: {
      cpu: Uint32Array.from(rows, (row) => row.cpu),
      pid: Uint32Array.from(rows, (row) => row.pid),
      startNs: Float64Array.from(rows, (row) => row.start ?? 0),
      cgroup: Float64Array.from(rows, (row) => row.cgroup ?? 1),
      label: new Uint32Array(rows.length),
      timeNs: Float64Array.from(rows, (row) => row.ms * 1e6),
      counts: Float64Array.from(rows, (row) => row.counts ?? 0),
      uncertainCounts: Float64Array.from(rows, (row) => row.uncertain ?? 0),
      comm,
    },
    cpus: {
      cpu: Uint32Array.from(cpus, ({ cpu }) => cpu),
      switches: new Uint32Array(cpus.length),
      lostRows: new Uint32Array(cpus.length),
      backwards: new Uint32Array(cpus.length),
      jumps: new Uint32Array(cpus.length),
      reads: new Uint32Array(cpus.length),
      counts: Float64Array.from(cpus, ({ counts }) => counts ?? 0),
      gapCounts: Float64Array.from(cpus, ({ gap }) => gap ?? 0),
      lostCounts: Float64Array.from(cpus, ({ lost }) => lost ?? 0),
      residualCounts: new Float64Array(cpus.length),
    },
    lives: {
      kind: new Uint32Array(),
      pid: new Uint32Array(),
      startNs: new Float64Array(),
      parentPid: new Uint32Array(),
      parentStartNs: new Float64Array(),
      comm: Buffer.alloc(0),
    },
    mkdirs: { cgroup: new Float64Array(), path: [] },
    lostEvents: 0,
    timeNs: 0,
  };
}
