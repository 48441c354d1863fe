// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { isIPv6, type AddressInfo } from 'node:net';
import { EnergyError, EXIT_USAGE } from '../model/errors.ts';
import type { Address } from '../settings/environment.ts';
import { Connections } from './connections.ts';
import { isExpectedHost, isLoopback } from './host.ts';
import { sendLine, router, type Routes } from './router.ts';

export interface HttpServerOptions {
  readonly address: Address;
  readonly routes: Routes;
  /** Takes a line where an answer failed, the first time. */
  readonly log: (line: string) => void;
}

export interface HttpServer {
  /** `http://127.0.0.1:9464`. */
  readonly origin: string;
  /** Whether other machines may reach it. */
  readonly isExposed: boolean;
  /** Cuts all connections. */
  readonly close: () => Promise<void>;
}

/** Connections at a time: some scrapers, some browsers, each with a few. */
const CONNECTIONS = 64;

/** A slow or a mass of clients must not tie up a machine that is only being measured. */
const BOUNDS = {
  maxHeaderSize: 8192,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  // A scraper keeps its connection, and with it its view of the ledger, from one scrape to the next: those
  // come every 15 to 60 s, seldom every 2 min.
  keepAliveTimeout: 125_000,
};

/**
 * Serves `routes`: GET and HEAD only, one request of a connection at a time.
 * @throws EnergyError, exit status 2, when the address cannot be listened on.
 */
export async function serve({ address, routes, log }: HttpServerOptions): Promise<HttpServer> {
  const connections = new Connections(CONNECTIONS);
  const answer = router(routes);
  let failed = false;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket, headers } = request;
    // Requests that are sent before the last was answered would pile up here, thousands from one packet:
    // nobody who scrapes does that.
    if (!connections.begin(socket)) {
      socket.destroy();
      return;
    }
    response.once('close', () => connections.end(socket));
    response.setHeader('x-content-type-options', 'nosniff');
    try {
      if (!isExpectedHost(headers.host, socket.localAddress, address.host)) {
        sendLine(response, 421, 'this is no host of that name: use localhost or the address');
      } else if (Number(headers['content-length'] ?? 0) !== 0 || headers['transfer-encoding'] !== undefined) {
        response.setHeader('connection', 'close');
        sendLine(response, 413, 'a request here has no body');
      } else {
        await answer(request, response);
      }
    } catch (error) {
      if (!failed) log(`cannot answer ${request.url}: ${error instanceof Error ? error.message : 'failed'}`);
      failed = true;
      // A failed scrape is `up == 0`; an empty page would be a machine without energy.
      if (response.headersSent) socket.destroy();
      else sendLine(response, 500, 'the answer could not be made: see the log');
    }
  }

  const server = createServer(BOUNDS, (request, response) => void handle(request, response));
  server.on('connection', (socket) => connections.opened(socket));
  const bound = await listen(server, address);
  let closing: Promise<void> | undefined;
  return {
    origin: `http://${hostPort({ ...address, port: bound.port })}`,
    isExposed: !isLoopback(bound.address),
    close: () => (closing ??= cutAll(server)),
  };
}

async function cutAll(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}

/** What is listened on: the system resolves names, and chooses the port for port 0. */
async function listen(server: Server, address: Address): Promise<AddressInfo> {
  try {
    const listening = once(server, 'listening');
    server.listen(address.port, address.host);
    await listening;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EUSAGE';
    const advice =
      code === 'EADDRINUSE'
        ? 'the port is in use, set OTEL_EXPORTER_PROMETHEUS_PORT to a free one'
        : `${code}, set OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT to an address of this machine`;
    throw new EnergyError(code, `cannot serve metrics on ${hostPort(address)}: ${advice}`, EXIT_USAGE, {
      cause: error,
    });
  }
  return server.address() as AddressInfo;
}

function hostPort({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
