// SPDX-License-Identifier: Apache-2.0
import { type Choice, type Item, whereOf } from './items.ts';
import type { Shown } from './shown.ts';
import type { Hello } from './wire.ts';

/** What somebody sees. */
export interface Seen {
  readonly shown: Shown;
  readonly hello: Hello;
  readonly choice: Choice;
  /** Rows of the table in their order. */
  readonly items: readonly Item[];
}

/** Joules of µJ. */
const J = 1e6;

/** What is seen, in SI units: the time, the ledger, the rows. */
export function asJson({ shown, hello, choice, items }: Seen): string {
  const { ledger, total, ms, from, to } = shown;
  const seen = {
    schema: 'joules.page/1',
    host: hello.host,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    seconds: ms / 1000,
    source: hello.source,
    totals: { counter_j: total / J, process_j: ledger.process / J, idle_j: ledger.idle / J },
    unattributed: { shared_j: ledger.shared / J, gap_j: ledger.gap / J, lost_j: ledger.lost / J },
    by: choice.by,
    find: choice.find,
    within: choice.zoom ?? null,
    rows: items.map((item) => rowOf(item, choice.by, ms)),
  };
  return `${JSON.stringify(seen, undefined, 2)}\n`;
}

type Cell = string | number | null;

function rowOf(
  { label, row, group, energy, error, cpu, alive, ended }: Item,
  by: string,
  ms: number,
): Readonly<Record<string, Cell>> {
  return {
    name: label,
    ...(by === 'process' && { pid: row.pid, creation_time: row.created }),
    // A program is in many places.
    ...(by !== 'program' && {
      cgroup: by === 'process' ? group.path : whereOf(group),
      container_id: group.container,
    }),
    energy_j: energy / J,
    energy_err_j: Number.isNaN(error) ? null : error / J,
    power_w: energy / ms / 1000,
    cpu_time_s: cpu / J,
    processes: alive,
    ended,
  };
}

/** A line for each row, each with the time and the kind of its figures. */
export function asCsv({ shown, hello, choice, items }: Seen): string {
  const common = {
    host: hello.host,
    from: new Date(shown.from).toISOString(),
    to: new Date(shown.to).toISOString(),
    kind: hello.source.kind,
  };
  const rows = items.map((item) => ({ ...common, ...rowOf(item, choice.by, shown.ms) }));
  const names = Object.keys(rows[0] ?? common);
  const lines = rows.map((row) => Object.values(row).map(cell).join(','));
  return `${[names.join(','), ...lines].join('\r\n')}\r\n`;
}

/** As RFC 4180 has it. A name that a spreadsheet would take for a formula gets a quote before it. */
function cell(value: Cell): string {
  if (typeof value !== 'string') return String(value ?? '');
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
