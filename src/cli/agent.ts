// SPDX-License-Identifier: Apache-2.0
import { Ledger } from '../ledger.ts';
import { type Meter, openMeter } from '../meter.ts';
import { startPublishing } from '../otel/publish.ts';
import { readConfig } from './config.ts';
import { meterOptions, parseOptions, text } from './options.ts';
import { onStop } from './signals.ts';
import { summary } from './table.ts';

/** A dead receiver may delay the end by this much. */
const LAST_FLUSH_MS = 3000;
/** A summary line is for people: every 5 s is enough where it cannot be redrawn in place. */
const SUMMARY_MS = 5000;

/** Looking after 1,000 cgroups takes some ms: done every tenth interval. */
const CGROUP_CHECK_ROUNDS = 10;

/** `joules agent`: measures and publishes until SIGINT or SIGTERM, then flushes. */
export async function agent(args: string[]): Promise<number> {
  const values = parseOptions('agent', args, { config: { type: 'string' } });
  const file = text(values, 'config');
  const config = file === undefined ? { meter: {}, limits: {} } : readConfig(file);
  const ledger = new Ledger(config.limits);
  const publisher = await startPublishing({
    reader: () => ledger.reader(),
    env: process.env,
    log,
  });
  try {
    const meter = await openMeter({ ...config.meter, ...meterOptions(values), log });
    try {
      announce(meter, publisher.endpoints);
      const release = onStop(() => void meter.close());
      const show = values.json ? undefined : summaryPrinter();
      let round = 0;
      for await (const snapshot of meter) {
        ledger.add(snapshot);
        if (++round % CGROUP_CHECK_ROUNDS === 0) ledger.endRemovedCgroups((path) => meter.cgroupExists(path));
        if (values.json)
          process.stdout.write(
            `${JSON.stringify({ ...snapshot, self: { ...snapshot.self, series: ledger.size } })}\n`,
          );
        show?.(summary(snapshot));
      }
      release();
    } finally {
      await meter.close();
    }
  } finally {
    await publisher.close(LAST_FLUSH_MS);
  }
  return 0;
}

/** Said once at the start: what is measured how, why not better, and where it goes. */
function announce({ selection, blindTo }: Meter, endpoints: readonly string[]): void {
  const { source, rejected } = selection;
  for (const { name, reason } of rejected) log(`not ${name}: ${reason}`);
  const estimate =
    source.kind === 'estimated'
      ? `: these are ESTIMATES from ${source.watts.reference}, not measurements`
      : '';
  log(`source ${source.name} (${source.kind}, scope ${source.scope})${estimate}`);
  if (blindTo) log(blindTo);
  for (const endpoint of endpoints) log(`publishing at ${endpoint}`);
  if (endpoints.length === 0) log('publishing nowhere');
}

function log(line: string): void {
  process.stderr.write(`${clearLine()}joules: ${line}\n`);
}

/** In a terminal the summary is redrawn in place; elsewhere a line is printed now and then. */
function summaryPrinter(): (line: string) => void {
  let due = 0;
  return (line) => {
    if (process.stderr.isTTY) {
      process.stderr.write(`${clearLine()}${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    } else if (performance.now() >= due) {
      due = performance.now() + SUMMARY_MS;
      process.stderr.write(`${line}\n`);
    }
  };
}

function clearLine(): string {
  return process.stderr.isTTY ? '\r\x1b[K' : '';
}
