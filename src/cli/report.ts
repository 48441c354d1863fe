// SPDX-License-Identifier: Apache-2.0
import { OTHER } from '../model/snapshot.ts';
import { textOf } from '../recording/moment.ts';
import { recordingError } from '../recording/read.ts';
import { limitedCgroups, limitedRows, type Report, Reporter, type ReportRow } from '../recording/report.ts';
import { parseOptions } from '../settings/options.ts';
import { COMMAND } from '../settings/table.ts';
import type { View } from '../settings/types.ts';
import { sum } from '../util/sum.ts';
import { complain, counted, figure, jsonLine, print, printable } from './print.ts';
import { recordedSnapshots, recordingOf } from './replay.ts';
import { withName } from './split-text.ts';

/** Rows where nobody says how many. */
const ROWS = 20;

/** `joules report FILE`: what was used in a recording, or in a part of it. */
export async function report(args: readonly string[]): Promise<number> {
  const { own, operands } = parseOptions('report', args);
  const path = recordingOf('report', operands);
  const reporter = new Reporter();
  for await (const snapshot of recordedSnapshots(path, own)) reporter.add(snapshot);
  const made = reporter.report();
  if (!made) throw recordingError(`nothing of ${path} is in that span`);
  if (made.sources.length > 1)
    complain(
      `${path} has snapshots of ${made.sources.length} sources, ${sourcesText(made)}, which are added up: look at one of ` +
        'them with --from and --to',
    );
  const limit = own.limit ?? (own.json === true ? Infinity : ROWS);
  const stopped = new AbortController().signal;
  if (own.json === true) {
    const { processes, cgroups, ...rest } = made;
    await print(
      jsonLine({
        ...rest,
        processes: limitedRows(processes, limit),
        cgroups: limitedCgroups(cgroups, limit),
      }),
      stopped,
    );
    return 0;
  }
  await print(`${reportLines(made, own.by ?? COMMAND.by.fallback!, limit).join('\n')}\n`, stopped);
  return 0;
}

function sourcesText({ sources }: Report): string {
  return sources.map(({ kind, name }) => withName(kind, printable(name))).join(' and ');
}

/** What people read of a report. */
function reportLines(made: Report, by: View, limit: number): string[] {
  const { totals, measured_s, source, snapshots } = made;
  const digits = source.estimate?.digits;
  const part = (joules: number): string =>
    totals.counter_j > 0 ? ` (${((joules / totals.counter_j) * 100).toFixed(1)} %)` : '';
  const joules = (value: number): string => `${figure(value, 2, digits && digits + 2)} J`;
  const span = (Date.parse(made.to) - Date.parse(made.from)) / 1000;
  const gaps = span - measured_s > Math.max(1, span * 0.01) ? ` of ${duration(span)}` : '';
  const parts = [
    `processes ${joules(totals.process_j)}${part(totals.process_j)}`,
    `idle ${joules(totals.idle_j)}${part(totals.idle_j)}`,
    `unattributed ${joules(totals.unattributed_j)}${part(totals.unattributed_j)}`,
  ];
  const rows = limited(rowsBy(made, by), limit);
  const named = rows.map((row) => [
    figure(row.energy_j, 2, digits && digits + 2),
    figure(row.energy_j / measured_s, 3, digits && digits + 1),
    totals.counter_j > 0 ? ((row.energy_j / totals.counter_j) * 100).toFixed(1) : '',
    // Of a core a snapshot does not say it.
    ...(by === 'core' ? [] : [row.cpu_time_s.toFixed(2)]),
    row.name,
  ]);
  return [
    `${textOf(Date.parse(made.from))} to ${textOf(Date.parse(made.to))}: ${duration(measured_s)}${gaps} measured, ${counted(snapshots, 'snapshot')}`,
    `${joules(totals.counter_j)}, mean ${figure(totals.counter_j / measured_s, 2, digits)} W, ${sourcesText(made)}`,
    parts.join(' · '),
    '',
    ...columns([['JOULES', 'MEAN W', 'SHARE %', ...(by === 'core' ? [] : ['CPU s']), TITLES[by]], ...named]),
  ];
}

const TITLES: Readonly<Record<View, string>> = {
  process: 'PROGRAM, CGROUP',
  cgroup: 'CGROUP',
  container: 'CONTAINER',
  core: 'CORE',
};

type Named = Pick<ReportRow, 'energy_j' | 'cpu_time_s'> & { readonly name: string };

function rowsBy({ processes, cgroups, cores }: Report, by: View): Named[] {
  if (by === 'process')
    return processes.map((row) => ({ ...row, name: `${programText(row)}  ${printable(row.cgroup ?? '')}` }));
  if (by === 'cgroup') return cgroups.map((row) => ({ ...row, name: printable(row.cgroup ?? '') }));
  if (by === 'core')
    return cores.map(({ id, counter_j }) => ({ name: id, energy_j: counter_j, cpu_time_s: 0 }));
  const containers = new Map<string, Named>();
  for (const { container_id, energy_j, cpu_time_s } of cgroups) {
    const name = printable(container_id ?? '(none)');
    const known = containers.get(name);
    const used = {
      energy_j: energy_j + (known?.energy_j ?? 0),
      cpu_time_s: cpu_time_s + (known?.cpu_time_s ?? 0),
    };
    containers.set(name, { name, ...used });
  }
  return [...containers.values()].toSorted((one, other) => other.energy_j - one.energy_j);
}

function programText({ executable, pid, processes }: ReportRow): string {
  if (pid !== null) return `${printable(executable ?? '')} [${pid}]`;
  // What is in (other) may be there still.
  return `${printable(executable ?? '')}${executable === OTHER ? '' : ` (${processes} ended)`}`;
}

function limited(rows: readonly Named[], limit: number): Named[] {
  if (rows.length <= limit) return [...rows];
  const rest = rows.slice(limit);
  const other = { name: OTHER, energy_j: sum(rest.map((row) => row.energy_j)) };
  return [...rows.slice(0, limit), { ...other, cpu_time_s: sum(rest.map((row) => row.cpu_time_s)) }];
}

function columns(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines.map((line) =>
    line
      .map((cell, i) => (i === line.length - 1 ? cell : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** `1 h 5 min`, `3 min 15 s`, `12.5 s`. */
function duration(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toFixed(1))} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds) % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
