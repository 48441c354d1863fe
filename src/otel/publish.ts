// SPDX-License-Identifier: Apache-2.0
import { inspect } from 'node:util';
import { diag, DiagLogLevel, type Attributes, type DiagLogFunction } from '@opentelemetry/api';
import type { Resource } from '@opentelemetry/resources';
import { ConsoleMetricExporter } from '@opentelemetry/sdk-metrics';
import { sendLine, type Handler, type Routes } from '../http/router.ts';
import { type Access, type HttpServer, serve } from '../http/server.ts';
import { usageError } from '../model/errors.ts';
import { publishSettings } from '../settings/environment.ts';
import type { CreateProducer } from './deliverable.ts';
import { prometheusEndpoint } from './prometheus.ts';
import { type Destination, startPush } from './push.ts';
import { describeAgent } from './resource.ts';

export interface PublishOptions {
  /** Makes a view of the ledger for one reader: each sees a series begin and end at a time of its own. */
  readonly producer: CreateProducer;
  /** `process.env`: the resource's attributes are read there, whatever this is. */
  readonly env: NodeJS.ProcessEnv;
  readonly resourceAttributes?: Attributes;
  /** Who may read the Prometheus page, and where, if not where the environment says. */
  readonly access?: Partial<Access>;
  /** What is served beside the metrics, on the same address. */
  readonly routes?: Routes;
  /** Takes one line at a time: outages, and what OTEL_LOG_LEVEL (default `warn`) lets through. */
  readonly log: (line: string) => void;
  /** Takes a line when metrics arrive somewhere for the first time. */
  readonly tell?: (line: string) => void;
}

export interface Publisher {
  /** Where metrics are served and pushed to, to be shown to the user. */
  readonly endpoints: readonly string[];
  /** Where the routes beside the metrics are served, if anywhere: `http://127.0.0.1:9464`. */
  readonly origin: string | undefined;
  /**
   * Pushes now. Resolves after at most `timeoutMs`, whether that succeeded or not. The agent has no use for it, whose
   * pushes are due by the clock, and the last by `close`; tests have.
   */
  readonly flush: (timeoutMs: number) => Promise<void>;
  /** Pushes a last time and stops. Resolves after at most `timeoutMs`; nothing goes on after that. */
  readonly close: (timeoutMs: number) => Promise<void>;
}

/**
 * Publishes the ledger where the environment says. The caller keeps the process alive: the timers of what is
 * pushed do not.
 * @throws EnergyError, exit status 2, for a bad variable or an address that cannot be listened on.
 */
export async function startPublishing(options: PublishOptions): Promise<Publisher> {
  const { env, log, tell = () => {} } = options;
  const settings = publishSettings(env);
  const logLevel = DiagLogLevel[settings.logLevel.toUpperCase() as keyof typeof DiagLogLevel];
  diag.setLogger(lineLogger(log), { logLevel, suppressOverrideMessage: true });
  const resource = await describeAgent({ env, attributes: options.resourceAttributes, log });
  const exporters: Exporter[] = [];
  const { access = {} } = options;
  if (settings.prometheus)
    exporters.push(await served({ address: settings.prometheus, ...access }, resource, options));
  else refuseAccess(access);
  const push = (mode: 'push' | 'delta', destination: Destination): void => {
    const { intervalMs, timeoutMs } = settings;
    const producer = options.producer(mode);
    const pushing = startPush({ producer, destination, resource, intervalMs, timeoutMs });
    exporters.push({ url: destination.url, ...pushing });
  };
  const { otlp } = settings;
  if (otlp) {
    // An agent that is only scraped does without what speaks OTLP.
    const { OtlpDestination } = await import('./otlp.ts');
    push(otlp.delta ? 'delta' : 'push', new OtlpDestination({ otlp, log, tell }));
  }
  if (settings.console) push('push', consoleDestination());
  return publisher(exporters, log);
}

/** @throws usageError for an option that says who may read, and where, what is not served. */
function refuseAccess({ address, token, tls, users }: Partial<Access>): void {
  const option =
    (address && '--listen') ??
    (token === undefined ? undefined : '--token-file') ??
    (tls || users ? '--web.config.file' : undefined);
  if (option !== undefined) throw usageError(`${option} needs prometheus in OTEL_METRICS_EXPORTER`);
}

/** One that serves metrics or pushes them, while it runs. */
interface Exporter {
  readonly url: string | undefined;
  readonly origin?: string;
  readonly flush: (timeoutMs: number) => Promise<void>;
  /** Resolves with whether all that was to be sent has arrived. */
  readonly close: (timeoutMs: number) => Promise<boolean>;
}

function publisher(exporters: readonly Exporter[], log: (line: string) => void): Publisher {
  let closed: Promise<void> | undefined;

  async function close(timeoutMs: number): Promise<void> {
    const sent = await Promise.all(exporters.map((exporter) => exporter.close(timeoutMs)));
    if (!sent.every(Boolean)) log('the energy since the last export was not sent');
  }
  return {
    endpoints: exporters.map(({ url }) => url).filter((url) => url !== undefined),
    origin: exporters.find(({ origin }) => origin !== undefined)?.origin,
    async flush(timeoutMs) {
      await Promise.all(exporters.map((exporter) => exporter.flush(timeoutMs)));
    },
    close: (timeoutMs) => (closed ??= close(timeoutMs)),
  };
}

async function served(
  access: Access,
  resource: Resource,
  { producer, log, tell = () => {}, routes }: PublishOptions,
): Promise<Exporter> {
  const endpoint = prometheusEndpoint(() => producer('scrape'), resource.attributes);
  const metrics = tellingFirst(endpoint.handle, tell);
  const server = await serve({
    ...access,
    routes: { '/': pointToMetrics, ...routes, '/metrics': metrics },
    log,
  });
  warnOfOpenness(server, access, log);
  return {
    url: server.origin.startsWith('unix:') ? `${server.origin}, path /metrics` : `${server.origin}/metrics`,
    origin: server.origin,
    // Whoever scrapes comes when they like.
    flush: () => Promise.resolve(),
    async close() {
      await server.close();
      endpoint.close();
      return true;
    },
  };
}

/** A handler that says who was the first to be answered. */
function tellingFirst(handle: Handler, tell: Log): Handler {
  let isTold = false;
  return async (request, response) => {
    // Of a Unix socket there is no address, and of any other none once it is closed.
    const { remoteAddress = 'a local process' } = request.socket;
    await handle(request, response);
    if (isTold || request.method === 'HEAD') return;
    isTold = true;
    tell(`metrics are read for the first time, by ${remoteAddress}`);
  };
}

/** Says what of an address that other machines reach is not closed to them. */
function warnOfOpenness({ isExposed, origin }: HttpServer, { tls, token, users }: Access, log: Log): void {
  const missing = [
    ...(tls ? [] : ['TLS']),
    ...(token !== undefined || users || tls?.ca ? [] : ['a password']),
  ].join(' or ');
  if (!isExposed || missing === '') return;
  log(
    `${origin} may be reached from other machines, without ${missing}: whoever reads it sees every program that runs ` +
      'here, and by its energy what it does; give --web.config.file or --token-file, or set OTEL_EXPORTER_PROMETHEUS_HOST ' +
      'to 127.0.0.1',
  );
}

type Log = (line: string) => void;

/** Who looks at the root is shown the way. */
const pointToMetrics: Handler = (_request, response) => {
  sendLine(response, 200, 'otel-ebpf-energy: metrics are at /metrics');
};

/** What waits in memory for the reader of stdout, bytes at most, beside one collection. */
const MOST_WAITING = 2 ** 20;

/** For people who want to see what is exported. */
function consoleDestination(): Destination {
  const exporter = new ConsoleMetricExporter();
  return {
    url: 'stdout, as JavaScript (console)',
    send({ metrics, arrived }) {
      // Nobody reads: what piles up is no use to whoever begins to, and the next collection has all that is in this one.
      if (process.stdout.writableLength > MOST_WAITING) return Promise.resolve(false);
      return new Promise((resolve) => {
        exporter.export(metrics, () => {
          arrived(metrics);
          resolve(true);
        });
      });
    },
    close: () => {},
  };
}

function lineLogger(
  log: (line: string) => void,
): Record<'error' | 'warn' | 'info' | 'debug' | 'verbose', DiagLogFunction> {
  const text = (part: unknown): string =>
    typeof part === 'string' ? part : inspect(part, { breakLength: Infinity, depth: 5 });
  const line: DiagLogFunction = (...parts) =>
    log(`opentelemetry: ${parts.map(text).join(' ')}`.replaceAll(/\s*\n\s*/g, ' '));
  return { error: line, warn: line, info: line, debug: line, verbose: line };
}
