// SPDX-License-Identifier: Apache-2.0
import { sumAsOther } from '../snapshot/process-rows.ts';
import { OTHER, type Snapshot } from '../model/snapshot.ts';
import type { View } from '../settings/types.ts';
import { foldedRows } from './fold.ts';
import { figure, printable } from './print.ts';
import { snapshotKindAndName } from './split-text.ts';

/** Numbers stand at the right of their columns. */
interface Column {
  readonly title: string;
  readonly numeric: boolean;
}

interface Row {
  readonly cells: readonly string[];
  /** What rows are sorted by. */
  readonly energy_j: number;
}

interface Listing {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

const number = (title: string): Column => ({ title, numeric: true });
const text = (title: string): Column => ({ title, numeric: false });
const FIGURES = [number('WATTS'), number('JOULES'), number('CPU s')];
/** What is not known where no counter has told anything. */
const OF_COUNTERS: ReadonlySet<string> = new Set(['WATTS', 'JOULES', 'IDLE J']);

/** A snapshot with at most `limit` processes, the largest first; the rest is in one row `(other)`. */
export function limited(snapshot: Snapshot, limit: number): Snapshot {
  const named = snapshot.processes.filter((process) => process.pid !== null);
  const largest = named.toSorted((a, b) => b.energy_j - a.energy_j);
  const rest = [...largest.slice(limit), ...snapshot.processes.filter((process) => process.pid === null)];
  const shown = largest.slice(0, limit);
  return {
    ...snapshot,
    processes: rest.length === 0 ? shown : [...shown, sumAsOther(rest, snapshot.interval_s)],
  };
}

/** Lines of text for a terminal: a summary, a header and at most `limit` rows, the largest first. */
export function table(snapshot: Snapshot, options: { by: View; limit: number; width?: number }): string[] {
  const { by, limit, width = 100 } = options;
  const { columns, rows } = VIEW_ROWS[by](snapshot, limit);
  const sorted = rows.toSorted((a, b) => b.energy_j - a.energy_j);
  const shown = by === 'process' ? sorted : sorted.slice(0, limit);
  const known = ({ cells }: Row): readonly string[] =>
    snapshot.zones.length > 0
      ? cells
      : cells.map((cell, i) => (OF_COUNTERS.has(columns[i]!.title) ? '-' : cell));
  const cells = [columns.map(({ title }) => title), ...shown.map(known)];
  const widths = columns.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  return [
    summary(snapshot),
    '',
    ...cells.map((line) => layOut(line, columns, widths).slice(0, width).trimEnd()),
  ];
}

/** Total power and where it goes, in one line. */
export function summary(snapshot: Snapshot): string {
  const { totals, unattributed, source, interval_s, self, zones } = snapshot;
  const watts = (joules: number): string => `${figure(joules / interval_s, 2, source.estimate?.digits)} W`;
  const switches = `${Math.round(self.switches / interval_s)} switches/s`;
  if (zones.length === 0)
    return `no figures of ${snapshotKindAndName(snapshot)}: no counter has moved · ${switches}`;
  const parts = [
    `${watts(totals.counter_j)} ${snapshotKindAndName(snapshot)}`,
    `processes ${watts(totals.process_j)}`,
    `idle ${watts(totals.idle_j)}`,
    `unattributed ${watts(totals.unattributed_j)}${unattributed.shared_j > 0 ? ` (shared ${watts(unattributed.shared_j)})` : ''}`,
    switches,
  ];
  if (self.lost > 0) parts.push(`lost ${self.lost}`);
  return parts.join(' · ');
}

const VIEW_ROWS: Readonly<Record<View, (snapshot: Snapshot, limit: number) => Listing>> = {
  process: (snapshot, limit) => ({
    columns: [number('PID'), ...FIGURES, text('EXECUTABLE'), text('CGROUP')],
    rows: foldedRows(snapshot, limit).map((row) => ({
      // The row (other) is the last one, however much is in it.
      energy_j: row.executable === OTHER && row.cgroup === null ? -1 : row.energy_j,
      cells: [
        row.pid === null ? '' : String(row.pid),
        ...figures(row, snapshot.source.estimate?.digits),
        printable(row.executable) + (row.ended > 0 ? ` (${row.ended} ended)` : ''),
        printable(row.cgroup ?? ''),
      ],
    })),
  }),
  cgroup: ({ cgroups, source }) => ({
    columns: [...FIGURES, text('CGROUP')],
    rows: cgroups.map((cgroup) => ({
      energy_j: cgroup.energy_j,
      cells: [...figures(cgroup, source.estimate?.digits), printable(cgroup.path)],
    })),
  }),
  container: ({ cgroups, interval_s, source }) => ({
    columns: [...FIGURES, text('CONTAINER')],
    rows: byContainer(cgroups).map(({ id, ...usage }) => ({
      energy_j: usage.energy_j,
      cells: [
        ...figures({ ...usage, power_w: usage.energy_j / interval_s }, source.estimate?.digits),
        printable(id),
      ],
    })),
  }),
  core: ({ cores, interval_s, source: { estimate } }) => ({
    columns: [number('WATTS'), number('JOULES'), number('IDLE J'), text('CORE'), text('CPUS')],
    rows: cores.map((core) => ({
      energy_j: core.counter_j,
      cells: [
        figure(core.counter_j / interval_s, 3, estimate?.digits),
        figure(core.counter_j, 4, estimate?.digits),
        figure(core.idle_j, 4, estimate?.digits),
        core.id,
        core.cpus.join(','),
      ],
    })),
  }),
};

function byContainer(cgroups: Snapshot['cgroups']): { id: string; energy_j: number; cpu_time_s: number }[] {
  const containers = new Map<string, { id: string; energy_j: number; cpu_time_s: number }>();
  for (const cgroup of cgroups) {
    const id = cgroup.container_id ?? '(none)';
    const sum = containers.get(id) ?? { id, energy_j: 0, cpu_time_s: 0 };
    sum.energy_j += cgroup.energy_j;
    sum.cpu_time_s += cgroup.cpu_time_s;
    containers.set(id, sum);
  }
  return [...containers.values()];
}

/** `digits`: how many mean anything of an estimate. CPU time is measured in any case. */
function figures(
  usage: { power_w: number; energy_j: number; cpu_time_s: number },
  digits: number | undefined,
): string[] {
  return [figure(usage.power_w, 3, digits), figure(usage.energy_j, 4, digits), usage.cpu_time_s.toFixed(3)];
}

function layOut(line: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  return line
    .map((cell, i) => (columns[i]!.numeric ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
    .join('  ');
}
