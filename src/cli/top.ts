// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../model/snapshot.ts';
import { openMeter } from '../meter.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { complainOfDoubts, jsonLine, print } from './print.ts';
import { ignoreDebugger, onStop } from './signals.ts';
import { parseOptions } from '../settings/options.ts';
import { COMMAND } from '../settings/table.ts';
import type { View } from '../settings/types.ts';
import { snapshotJson } from '../snapshot/json.ts';
import { limited, table } from './table.ts';

/** `joules top`: a live table, or one snapshot a line with --json. Ends after --count, on SIGINT or SIGTERM. */
export async function top(args: readonly string[]): Promise<number> {
  const { meter: options, own } = parseOptions('top', args);
  const { by = COMMAND.by.fallback!, limit } = own;
  let left = own.count ?? Infinity;
  const meter = await openMeter({ ...options, log: complainOfDoubts });
  const stopped = new AbortController();
  ignoreDebugger();
  const release = onStop(() => {
    stopped.abort();
    void meter.close();
  });
  try {
    keepOnlyNeeded({
      source: meter.selection.source,
      namesPrograms: meter.blindTo === undefined,
      readsFiles: options.names === true,
      signals: false,
    });
    for await (const snapshot of meter) {
      const line = own.json
        ? jsonLine(snapshotJson(limit === undefined ? snapshot : limited(snapshot, limit)))
        : frame(snapshot, by, limit);
      await print(line, stopped.signal);
      if (--left <= 0) break;
    }
  } finally {
    release();
    await meter.close();
  }
  return 0;
}

/** The table, redrawn in place in a terminal. */
function frame(snapshot: Snapshot, by: View, limit: number | undefined): string {
  const { isTTY, rows, columns } = process.stdout;
  if (!isTTY) return `${table(snapshot, { by, limit: limit ?? 20 }).join('\n')}\n\n`;
  const lines = table(snapshot, { by, limit: limit ?? Math.max(1, rows - 5), width: columns });
  // Home, the lines each cleared to their end, then all below: no flicker. Meanwhile long lines do not wrap.
  return `\x1b[?7l\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J\x1b[?7h`;
}
