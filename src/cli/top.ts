// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../errors.ts';
import { openMeter } from '../meter.ts';
import { onStop } from './signals.ts';
import { countOf, meterOptions, parseOptions, text } from './options.ts';
import { limited, table, type View, VIEWS } from './table.ts';

/** `joules top`: a live table, or one snapshot a line with --json. Ends after --count, on SIGINT or SIGTERM. */
export async function top(args: string[]): Promise<number> {
  const values = parseOptions('top', args, {
    by: { type: 'string' },
    limit: { type: 'string' },
    count: { type: 'string' },
  });
  const by = viewOf(text(values, 'by') ?? 'process');
  const limit = countOf(values, 'limit');
  let left = countOf(values, 'count') ?? Infinity;
  const meter = await openMeter(meterOptions(values));
  const release = onStop(() => void meter.close());
  try {
    for await (const snapshot of meter) {
      const { stdout } = process;
      if (values.json) {
        stdout.write(`${JSON.stringify(limit === undefined ? snapshot : limited(snapshot, limit))}\n`);
      } else {
        const rows = limit ?? (stdout.isTTY ? Math.max(1, stdout.rows - 5) : 20);
        const lines = table(snapshot, { by, limit: rows, width: stdout.isTTY ? stdout.columns : Infinity });
        // Home, the lines each cleared to their end, then all below: a redraw without flicker.
        stdout.write(
          stdout.isTTY
            ? `\x1b[H${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`
            : `${lines.join('\n')}\n\n`,
        );
      }
      if (--left <= 0) break;
    }
  } finally {
    release();
    await meter.close();
  }
  return 0;
}

function viewOf(name: string): View {
  const view = VIEWS.find((known) => known === name);
  if (!view) throw usageError(`--by takes one of ${VIEWS.join(', ')}, not ${JSON.stringify(name)}`);
  return view;
}
