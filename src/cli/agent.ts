// SPDX-License-Identifier: Apache-2.0
import { Ledger } from '../ledger/ledger.ts';
import { inSlices } from '../util/cooperative.ts';
import { type Meter, openMeter } from '../meter.ts';
import { producersOf } from '../otel/deliverable.ts';
import { startPublishing } from '../otel/publish.ts';
import { readConfig } from '../settings/config.ts';
import { VIEW_OPTIONS, meterOptions, parseOptions, text } from '../settings/options.ts';
import { complain, jsonLine, print } from './print.ts';
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
  const values = parseOptions('agent', args, { ...VIEW_OPTIONS, config: { type: 'string' } });
  const file = text(values, 'config');
  const config = file === undefined ? { meter: {}, limits: {} } : readConfig(file);
  const ledger = new Ledger(config.limits);
  const stopped = new AbortController();
  // From the very start, and until the last flush: a stop is never cut short by another.
  let stop = (): void => {};
  const release = onStop(() => {
    stopped.abort();
    stop();
  });
  const publisher = await startPublishing({ producer: producersOf(ledger), env: process.env, log: complain });
  try {
    await using meter = await openMeter({ ...config.meter, ...meterOptions(values), log: complain });
    announce(meter, publisher.endpoints);
    stop = () => meter.stop();
    if (stopped.signal.aborted) stop();
    const show = values.json ? undefined : summaryPrinter();
    let round = 0;
    for await (const snapshot of meter) {
      await inSlices(ledger.adding(snapshot));
      if (++round % CGROUP_CHECK_ROUNDS === 0) ledger.endRemovedCgroups((path) => meter.cgroupExists(path));
      const self = { ...snapshot.self, series: ledger.size };
      if (values.json) await print(jsonLine({ ...snapshot, self }), stopped.signal);
      show?.(summary(snapshot));
    }
    // What was used since the last interval ended.
    ledger.add(await meter.snapshot());
    if (process.stderr.isTTY) process.stderr.write('\n');
  } finally {
    await publisher.close(LAST_FLUSH_MS);
    release();
  }
  return 0;
}

/** Said once at the start: what is measured how, why not better, and where it goes. */
function announce({ selection, blindTo }: Meter, endpoints: readonly string[]): void {
  const { source, rejected } = selection;
  for (const { name, reason } of rejected) complain(`not ${name}: ${reason}`);
  const estimate =
    source.kind === 'estimated'
      ? `: these are ESTIMATES from ${source.watts.reference}, not measurements`
      : '';
  complain(`source ${source.name} (${source.kind}, scope ${source.scope})${estimate}`);
  if (blindTo) complain(blindTo);
  for (const endpoint of endpoints) complain(`publishing at ${endpoint}`);
  if (endpoints.length === 0) complain('publishing nowhere');
}

/** In a terminal the summary is redrawn in place; elsewhere a line is printed now and then. */
function summaryPrinter(): (line: string) => void {
  let due = 0;
  return (line) => {
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${line.slice(0, (process.stderr.columns ?? 80) - 1)}`);
    } else if (performance.now() >= due) {
      due = performance.now() + SUMMARY_MS;
      process.stderr.write(`${line}\n`);
    }
  };
}
