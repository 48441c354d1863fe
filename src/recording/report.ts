// SPDX-License-Identifier: Apache-2.0
import { OTHER, type ProcessUsage, type Snapshot } from '../model/snapshot.ts';

/** Schema name of a report as the command line prints it. */
const REPORT_SCHEMA = 'joules.report/1';

/** Rows of one kind that are kept at a time: a day of builds has more, the smallest of which are put together. */
const ROWS = 50_000;

/** Sources that are named: whoever wrote a recording may be anybody. */
const SOURCES = 20;

export interface ReportRow {
  /** Null of what stands for several. */
  readonly pid: number | null;
  /** Start of the process, ISO 8601. */
  readonly creation_time: string | null;
  readonly executable: string | null;
  readonly cgroup: string | null;
  readonly container_id: string | null;
  /** Processes in it. */
  readonly processes: number;
  energy_j: number;
  /** One standard deviation, as if intervals were as wrong as each other in the same direction: no less is known. */
  energy_err_j: number | null;
  cpu_time_s: number;
}

/** What a report says of a cgroup. */
export type CgroupRow = Pick<ReportRow, 'cgroup' | 'container_id' | 'energy_j' | 'cpu_time_s'>;

/** A source of which there are snapshots. */
export type RecordedSource = Pick<Snapshot['source'], 'name' | 'kind'>;

/** What was used in a part of a recording. It closes as snapshots do. */
export interface Report {
  readonly schema: typeof REPORT_SCHEMA;
  /** Begin of the first interval and end of the last one, ISO 8601. */
  readonly from: string;
  readonly to: string;
  /** Of that what was measured, s. */
  readonly measured_s: number;
  readonly snapshots: number;
  /** Of the last one; and all kinds that there were. */
  readonly source: Snapshot['source'];
  readonly kinds: readonly string[];
  /** The sources that there were, the first 20: what they counted is added up, whether or not that means anything. */
  readonly sources: readonly RecordedSource[];
  readonly totals: Snapshot['totals'];
  readonly unattributed: Snapshot['unattributed'];
  readonly processes: readonly ReportRow[];
  readonly cgroups: readonly ReportRow[];
  readonly cores: readonly { readonly id: string; readonly counter_j: number; readonly idle_j: number }[];
}

type Rows = Map<string, ReportRow & { processes: number }>;

/** Adds up snapshots. What it keeps is bounded, however many they are. */
export class Reporter {
  readonly #totals = { counter_j: 0, process_j: 0, idle_j: 0, unattributed_j: 0 };
  readonly #unattributed = { gap_j: 0, lost_j: 0, shared_j: 0 };
  readonly #sources = new Map<string, RecordedSource>();
  readonly #cores = new Map<string, { id: string; counter_j: number; idle_j: number }>();
  #processes: Rows = new Map();
  #cgroups: Rows = new Map();
  #from = Number.NaN;
  #last: Snapshot | undefined;
  #seconds = 0;
  #count = 0;

  add(snapshot: Snapshot): void {
    const { time, interval_s, totals, unattributed, source } = snapshot;
    if (!this.#last) this.#from = Date.parse(time) - interval_s * 1000;
    this.#last = snapshot;
    this.#seconds += interval_s;
    this.#count++;
    const { name, kind } = source;
    if (this.#sources.size < SOURCES) this.#sources.set(`${kind} ${name}`, { name, kind });
    addFigures(this.#totals, totals);
    addFigures(this.#unattributed, unattributed);
    for (const { id, counter_j, idle_j } of snapshot.cores) {
      const core = this.#cores.get(id) ?? { id, counter_j: 0, idle_j: 0 };
      this.#cores.set(id, core);
      core.counter_j += counter_j;
      core.idle_j += idle_j;
    }
    for (const process of snapshot.processes) this.#process(process);
    for (const { path, container_id, energy_j, cpu_time_s } of snapshot.cgroups) {
      const row = { ...NOBODY, cgroup: path, container_id, energy_j, energy_err_j: null, cpu_time_s };
      addRow(this.#cgroups, path, row, 0);
    }
    this.#processes = bounded(this.#processes);
    this.#cgroups = bounded(this.#cgroups);
  }

  /** Undefined where there was nothing. */
  report(): Report | undefined {
    if (!this.#last) return undefined;
    const sources = [...this.#sources.values()];
    return {
      schema: REPORT_SCHEMA,
      from: new Date(this.#from).toISOString(),
      to: this.#last.time,
      measured_s: this.#seconds,
      snapshots: this.#count,
      source: this.#last.source,
      kinds: [...new Set(sources.map(({ kind }) => kind))],
      sources,
      totals: this.#totals,
      unattributed: this.#unattributed,
      processes: sorted(this.#processes),
      cgroups: sorted(this.#cgroups),
      cores: [...this.#cores.values()],
    };
  }

  #process({ pid, creation_time, executable, cgroup, container_id, exited, ...used }: ProcessUsage): void {
    const { energy_j, energy_err_j, cpu_time_s } = used;
    const row = { executable, cgroup, container_id, energy_j, energy_err_j, cpu_time_s };
    const own = `${pid} ${creation_time} ${cgroup} ${executable}`;
    // What ended in the interval in which it began is one of many, whose pids nobody has seen.
    if (pid === null) addRow(this.#processes, OTHER, { ...NOBODY, ...row }, 0);
    else if (exited && !this.#processes.has(own))
      addRow(this.#processes, `${cgroup} ${executable}`, { ...NOBODY, ...row }, 1);
    else addRow(this.#processes, own, { ...row, pid, creation_time }, this.#processes.has(own) ? 0 : 1);
  }
}

const NOBODY = {
  pid: null,
  creation_time: null,
  executable: null,
  cgroup: null,
  container_id: null,
} as const;

function addRow(rows: Rows, key: string, row: Omit<ReportRow, 'processes'>, processes: number): void {
  const sum = rows.get(key);
  if (!sum) {
    rows.set(key, { ...row, processes });
    return;
  }
  sum.energy_j += row.energy_j;
  sum.cpu_time_s += row.cpu_time_s;
  sum.energy_err_j =
    sum.energy_err_j === null || row.energy_err_j === null ? null : sum.energy_err_j + row.energy_err_j;
  sum.processes += processes;
}

function addFigures<Figures extends object>(sum: Figures, more: Readonly<Figures>): void {
  for (const key of Object.keys(sum) as (keyof Figures & string)[])
    if (typeof more[key] === 'number') (sum[key] as number) += more[key];
}

/** At most `limit` rows, and all others in one at the end. */
export function limitedRows(rows: readonly ReportRow[], limit: number): ReportRow[] {
  if (rows.length <= limit) return [...rows];
  return [...largest(rows, limit).values()];
}

/** As `limitedRows`, of cgroups, of which a snapshot says less than of processes. */
export function limitedCgroups(rows: readonly ReportRow[], limit: number): CgroupRow[] {
  return limitedRows(rows, limit).map(({ cgroup, container_id, energy_j, cpu_time_s }) => ({
    cgroup,
    container_id,
    energy_j,
    cpu_time_s,
  }));
}

/** Half of the rows, the largest, once there are too many; the others are in one row. */
function bounded(rows: Rows): Rows {
  if (rows.size <= ROWS) return rows;
  const all = sorted(rows);
  const keys = new Map([...rows].map(([key, row]) => [row, key]));
  return largest(all, ROWS / 2, (row) => keys.get(row)!);
}

function largest(
  all: readonly ReportRow[],
  limit: number,
  keyOf: (row: ReportRow, index: number) => string = (_row, index) => String(index),
): Rows {
  const kept: Rows = new Map(all.slice(0, limit).map((row, index) => [keyOf(row, index), { ...row }]));
  for (const { processes, ...row } of all.slice(limit))
    addRow(kept, OTHER, { ...row, ...NOBODY, executable: OTHER, cgroup: OTHER }, processes);
  return kept;
}

/** The largest first, and the row `(other)` last, however much is in it. */
function sorted(rows: Rows): ReportRow[] {
  const rest = rows.get(OTHER);
  const others = [...rows.values()].filter((row) => row !== rest);
  return [...others.toSorted((one, other) => other.energy_j - one.energy_j), ...(rest ? [rest] : [])];
}
