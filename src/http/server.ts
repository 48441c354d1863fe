// SPDX-License-Identifier: Apache-2.0
import { createServer, type RequestListener, type Server } from 'node:http';
import { once } from 'node:events';
import { isIPv6, type AddressInfo } from 'node:net';
import { EnergyError, EXIT_USAGE } from '../model/errors.ts';
import type { Address } from '../settings/environment.ts';

export interface MetricsServerOptions {
  readonly address: Address;
  /** Makes the page of one scrape, which is of `contentType`. */
  readonly scrape: () => Promise<string>;
  readonly contentType: string;
  /** Answers GET and HEAD of every path but `/metrics`. */
  readonly otherwise: RequestListener;
}

export interface MetricsServer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/**
 * Serves `/metrics` for Prometheus.
 * @throws EnergyError, exit status 2, when the address cannot be listened on.
 */
export async function serveMetrics(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer(
    // Slow or many clients must not tie up a machine that is only being measured.
    {
      headersTimeout: 5_000,
      requestTimeout: 10_000,
      keepAliveTimeout: 30_000,
      connectionsCheckingInterval: 5_000,
    },
    (request, response) => {
      const path = request.url?.split('?', 1)[0];
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD' }).end();
      } else if (path !== '/metrics') {
        options.otherwise(request, response);
      } else {
        options.scrape().then(
          (page) => response.writeHead(200, { 'content-type': options.contentType }).end(page),
          // A failed scrape is `up == 0`, an empty page would be a machine without energy.
          (error: unknown) =>
            response.writeHead(500, { 'content-type': 'text/plain' }).end(`${String(error)}\n`),
        );
      }
    },
  );
  server.maxConnections = 64;
  const port = await listen(server, options.address);
  return {
    url: `http://${hostPort({ ...options.address, port })}/metrics`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** What there is where no dashboard is: the way to the metrics. */
export const pointToMetrics: RequestListener = (request, response) => {
  const found = request.url === '/';
  response
    .writeHead(found ? 200 : 404, { 'content-type': 'text/plain' })
    .end(found ? 'otel-ebpf-energy: metrics are at /metrics\n' : 'not found: metrics are at /metrics\n');
};

/** The port that is listened on, which the system chooses for port 0. */
async function listen(server: Server, address: Address): Promise<number> {
  try {
    const listening = once(server, 'listening');
    server.listen(address.port, address.host);
    await listening;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'EUSAGE';
    const remedy =
      code === 'EADDRINUSE'
        ? 'the port is in use, set OTEL_EXPORTER_PROMETHEUS_PORT to a free one'
        : `${code}, set OTEL_EXPORTER_PROMETHEUS_HOST and OTEL_EXPORTER_PROMETHEUS_PORT to an address of this machine`;
    throw new EnergyError(code, `cannot serve metrics on ${hostPort(address)}: ${remedy}`, EXIT_USAGE, {
      cause: error,
    });
  }
  return (server.address() as AddressInfo).port;
}

function hostPort({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
