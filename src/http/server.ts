// SPDX-License-Identifier: Apache-2.0
import { createServer, IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { usageError } from '../model/errors.ts';
import type { Address } from '../settings/address.ts';
import type { TlsSettings } from '../settings/web-config.ts';
import { type Credentials, gateOf } from './authorization.ts';
import { Connections } from './connections.ts';
import { isExpectedHost } from './host.ts';
import { listen } from './listen.ts';
import { sendLine, router, type Routes } from './router.ts';

/** What is listened on, and who is let in. */
export interface Access extends Partial<Credentials> {
  readonly address: Address;
  readonly tls?: TlsSettings | undefined;
}

export interface HttpServerOptions extends Access {
  readonly routes: Routes;
  /** Takes a line where an answer failed, the first time. */
  readonly log: (line: string) => void;
}

export interface HttpServer {
  /** `http://127.0.0.1:9464`, or `unix:/run/joules.sock`. */
  readonly origin: string;
  /** Whether other machines may reach it. */
  readonly isExposed: boolean;
  /** Cuts all connections. */
  readonly close: () => Promise<void>;
}

/** Connections at a time, some 10 kB each; `Connections` says why it is more than the backlog. */
const CONNECTIONS = 1024;

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

/** Over TLS: the longest until a connection has been made safe. */
const HANDSHAKE_MS = 5_000;

/**
 * Serves `routes`: GET and HEAD only, one request of a connection at a time.
 * @throws EnergyError, exit status 2, when the address cannot be listened on.
 */
export async function serve(options: HttpServerOptions): Promise<HttpServer> {
  const { address, tls, routes, log, token, users } = options;
  const connections = new Connections(CONNECTIONS);
  const gate = gateOf({ token, users });
  const answer = router(routes);
  const host = 'host' in address ? address.host : '';
  let failed = false;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket, headers } = request;
    const connection = connections.of(socket);
    // It had to give way meanwhile.
    if (!connections.begin(connection)) {
      socket.destroy();
      return;
    }
    response.once('close', () => connections.end(connection));
    response.setHeader('x-content-type-options', 'nosniff');
    try {
      if (!isExpectedHost(headers.host, socket.localAddress, host)) {
        sendLine(response, 421, 'this is no host of that name: use localhost or the address');
      } else if (Number(headers['content-length'] ?? 0) !== 0 || headers['transfer-encoding'] !== undefined) {
        response.setHeader('connection', 'close');
        sendLine(response, 413, 'a request here has no body');
      } else {
        const verdict = gate ? await gate.judge(headers.authorization) : 'allowed';
        if (verdict === 'allowed') await answer(request, response);
        else if (verdict === 'busy')
          sendLine(response, 503, 'too many passwords are being looked at: come again');
        else sendLine(response.setHeader('www-authenticate', gate!.challenge), 401, 'not without a password');
      }
    } catch (error) {
      if (!failed) log(`cannot answer ${request.url}: ${error instanceof Error ? error.message : 'failed'}`);
      failed = true;
      // A failed scrape is `up == 0`; an empty page would be a machine without energy.
      if (response.headersSent) socket.destroy();
      else sendLine(response, 500, 'the answer could not be made: see the log');
    }
  }

  const server = serverOf(
    tls,
    requestsOf(connections),
    (request, response) => void handle(request, response),
  );
  server.on('upgrade', (_request, socket) => socket.destroy());
  server.on('connection', (socket: Socket) => connections.opened(socket));
  const bound = await listen(server, address);
  let closing: Promise<void> | undefined;
  return {
    origin: 'path' in address ? bound.name : `${tls ? 'https' : 'http'}://${bound.name}`,
    isExposed: bound.isExposed,
    close: () => (closing ??= cutAll(server)),
  };
}

/**
 * What requests are made of. One that is sent before the last one was answered ends its connection: nobody who scrapes
 * does that, and a packet may hold thousands of them, each of which would be parsed and kept until the connection is
 * closed. But parsing ends at once at a request that wants another protocol: so it is taken for one, and no other is.
 */
function requestsOf(connections: Connections): typeof IncomingMessage {
  return class Request extends IncomingMessage {
    constructor(socket: Socket) {
      super(socket);
      const isSurplus = connections.isBusy(connections.of(socket));
      Object.defineProperty(this, 'upgrade', { get: () => isSurplus, set() {} });
    }
  };
}

function serverOf(
  tls: TlsSettings | undefined,
  Request: typeof IncomingMessage,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const options = { ...BOUNDS, IncomingMessage: Request };
  if (!tls) return createServer(options, handle);
  const { cert, key, ca, minVersion, maxVersion } = tls;
  const clients = ca ? { ca, requestCert: true, rejectUnauthorized: true } : {};
  try {
    return createTlsServer(
      { ...options, ...clients, cert, key, minVersion, maxVersion, handshakeTimeout: HANDSHAKE_MS },
      handle,
    );
  } catch (error) {
    throw usageError(
      `the certificate and its key cannot be used: ${(error as Error).message}: check both files`,
    );
  }
}

async function cutAll(server: Server): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  server.closeAllConnections();
  await closed;
}
