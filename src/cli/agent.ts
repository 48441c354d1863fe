// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { type AttachServer, serveAttach } from '../attach/server.ts';
import { isVirtualMachine } from '../host/cpuinfo.ts';
import { Ledger } from '../ledger/ledger.ts';
import { type Meter, openMeter } from '../meter.ts';
import { producersOf } from '../otel/producer.ts';
import { type Publisher, startPublishing } from '../otel/publish.ts';
import { SCOPE_VERSION } from '../otel/semconv.ts';
import { spareMemory } from '../probe/addon.ts';
import { record } from '../recorder.ts';
import { snapshotJson } from '../snapshot/json.ts';
import type { Access } from '../http/server.ts';
import { parseAddress } from '../settings/address.ts';
import { publishSettings } from '../settings/environment.ts';
import { checkMeterOptions } from '../settings/library.ts';
import { parseOptions } from '../settings/options.ts';
import { COMMAND, DEFAULT_LIMITS, MAX_TIMER_MS } from '../settings/table.ts';
import type { CommandOptions, LedgerLimits, RecorderOptions } from '../settings/types.ts';
import { within } from '../util/deadline.ts';
import { createPage, type LivePage } from '../web/server/page.ts';
import { AgentLog, announce } from './agent-log.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { complain, jsonLine, outliveStdout, printOrDrop, whenReaderGoes } from './print.ts';
import { ignoreDebugger, LASTING, onStop } from './signals.ts';

/** The end takes 5 s at most, whatever the load and the receiver: for the last interval, its export, and closing. */
const LAST_INTERVAL_MS = 1000;
const LAST_FLUSH_MS = 3000;
const LAST_CLOSE_MS = 500;

/** `joules agent`: measures and publishes until SIGINT, SIGTERM or SIGHUP, then flushes. */
export async function agent(args: readonly string[]): Promise<number> {
  const { meter: given, own } = parseOptions('agent', args);
  const { limits, ...configured } = await configOf(own);
  const { disabled, notices } = publishSettings(process.env);
  notices.forEach(complain);
  // From the very start, and until the last flush: a stop is never cut short by another.
  const stopping = new AbortController();
  const release = onStop(() => stopping.abort(), LASTING);
  ignoreDebugger();
  if (disabled) return doNothing(stopping.signal);
  // The disk of a log may be full: metrics go elsewhere.
  outliveStdout();
  whenReaderGoes(() => {
    if (!stopping.signal.aborted) complain('nobody reads stdout any more (EPIPE): stopping');
    stopping.abort();
  });
  const { ledger, page, publisher } = await publishLedger(
    { ...DEFAULT_LIMITS, ...limits },
    await accessOf(own),
  );
  let meter: Meter | undefined;
  let attach: AttachServer | undefined;
  const agentLog = new AgentLog(!own.json);
  try {
    const options = checkMeterOptions({ ...configured, ...given, log: complain });
    // Before threads of ours start, and again when what only the start took is free.
    spareMemory();
    meter = await openMeter(options);
    attach = await openAttach(meter, options, own);
    // Whatever is bound to a port, or opened with privileges, is by now.
    const kept = keepOnlyNeeded({
      source: meter.selection.source,
      namesPrograms: meter.blindTo === undefined,
      namesContainers: options.names,
      readsToken: options.kubelet !== undefined,
      signals: false,
    });
    announce(meter, publisher, { isVirtual: isVirtualMachine(join(options.root, 'proc')), kept });
    spareMemory();
    page.begin(meter.selection, options.interval * 1000);
    const recorder = record(withAttached(meter, attach), {
      ledger,
      intervalMs: options.interval * 1000,
      onSnapshot(snapshot) {
        const self = { ...snapshot.self, series: ledger.size };
        // Whoever reads the lines is one of many: nobody waits for them.
        if (own.json) printOrDrop(() => jsonLine(snapshotJson({ ...snapshot, self })));
        agentLog.measured(snapshot);
        if (publisher.origin !== undefined) page.add(snapshot);
      },
      onFailure: (error) => agentLog.failed(error),
    });
    await aborted(stopping.signal);
    // What was used since the last interval ended.
    await recorder.update(LAST_INTERVAL_MS);
    agentLog.ended();
  } finally {
    agentLog.endWord();
    page.close();
    await attach?.close();
    await publisher.close(LAST_FLUSH_MS);
    // Whatever it waits for ends with the process.
    if (meter) await within(meter.close(), LAST_CLOSE_MS);
    release();
  }
  return 0;
}

/** Whoever keeps services alive would start one that ends again and again. */
async function doNothing(stopping: AbortSignal): Promise<number> {
  complain('OTEL_SDK_DISABLED is true: nothing is measured or published until the agent is started without');
  await aborted(stopping);
  return 0;
}

/** What a file of settings says. What reads YAML takes 2 MB: it is loaded for those who have some. */
async function configOf({ config }: CommandOptions): Promise<RecorderOptions> {
  return config === undefined ? {} : (await import('../settings/config.ts')).readConfig(config);
}

/** Who may read the page, and where, of what options say. */
async function accessOf({ listen, tokenFile, webConfigFile }: CommandOptions): Promise<Partial<Access>> {
  const address = listen === undefined ? undefined : parseAddress(listen);
  if (tokenFile === undefined && webConfigFile === undefined) return address ? { address } : {};
  const { readToken, readWebConfig } = await import('../settings/web-config.ts');
  return {
    ...(address && { address }),
    ...(tokenFile !== undefined && { token: readToken(tokenFile) }),
    ...(webConfigFile !== undefined && readWebConfig(webConfigFile)),
  };
}

interface Published {
  readonly ledger: Ledger;
  readonly page: LivePage;
  readonly publisher: Publisher;
}

/** An empty ledger and a page without figures, for whoever asks. */
async function publishLedger(limits: LedgerLimits, access: Partial<Access>): Promise<Published> {
  const ledger = new Ledger(limits);
  // Where no process has a series of its own, none has a row of its own either.
  const namesProcesses = limits.processes > 0;
  const page = createPage({ host: hostname(), agent: SCOPE_VERSION, namesProcesses });
  const publisher = await startPublishing({
    producer: producersOf(ledger),
    env: process.env,
    access,
    routes: page.routes,
    log: complain,
    tell: complain,
  });
  return { ledger, page, publisher };
}

/** The sockets by which programs get what they use themselves; undefined where there are none. */
async function openAttach(
  meter: Meter,
  { root, interval }: ReturnType<typeof checkMeterOptions>,
  { socketDirectory = COMMAND.socketDirectory.fallback! }: CommandOptions,
): Promise<AttachServer | undefined> {
  if (socketDirectory === 'none') return undefined;
  if (meter.ownPid !== process.pid) {
    complain("no program can attach: that takes the host's pid namespace (--pid=host, hostPID: true)");
    return undefined;
  }
  return serveAttach({
    directory: socketDirectory,
    proc: join(root, 'proc'),
    version: SCOPE_VERSION,
    intervalMs: interval * 1000,
    log: complain,
  });
}

/** A meter whose intervals are shown to attached programs, too. */
function withAttached(
  meter: Meter,
  attach: AttachServer | undefined,
): Pick<Meter, 'snapshot' | 'cgroupExists'> {
  if (!attach) return meter;
  return {
    async snapshot() {
      const measurement = await meter.measure();
      attach.add(measurement);
      return measurement.snapshot;
    },
    cgroupExists: (path) => meter.cgroupExists(path),
  };
}

/** Resolves when the signal is aborted, and keeps the process alive until then. */
async function aborted(signal: AbortSignal): Promise<void> {
  const alive = setInterval(() => {}, MAX_TIMER_MS);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(alive);
}
