// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Attributes } from '@opentelemetry/api';
import { acceptsGzip, mediaQuality } from '../http/accept.ts';
import type { Handler } from '../http/router.ts';
import { serial } from '../util/serial.ts';
import type { DeliverableProducer } from './deliverable.ts';
import { CONTENT_TYPES, type Format } from './exposition.ts';
import { Scrapers } from './scrapers.ts';

export interface PrometheusEndpoint {
  /** Answers a scrape. */
  readonly handle: Handler;
  readonly close: () => void;
}

/** Pages that may be on their way to slow clients: for one more, the one that has been so longest is cut off. */
const ON_THE_WAY = 32;
/** Who reads a page has it by then, where there are not more than that. */
const SLOW_MS = 1000;
/** The longest that a page is on its way: whoever reads more slowly is cut off. */
const SENDING_MS = 10_000;

/**
 * The ledger for scrapers: text or OpenMetrics 1.0 as the Accept header prefers, gzipped where allowed.
 * `create` makes the view of one more scraper.
 */
export function prometheusEndpoint(
  create: () => DeliverableProducer,
  resource: Attributes,
): PrometheusEndpoint {
  const scrapers = new Scrapers(create, resource);
  /** Several at once are no sooner ready, but need the memory at once. */
  const inTurn = serial();
  /** Answers that are being sent, and since when, the oldest first. */
  const sending = new Map<ServerResponse, number>();

  function send(response: ServerResponse, body: Buffer): void {
    const nowMs = performance.now();
    const [slowest] = sending;
    if (slowest && sending.size >= ON_THE_WAY && nowMs - slowest[1] > SLOW_MS) {
      sending.delete(slowest[0]);
      slowest[0].destroy();
    }
    sending.set(response, nowMs);
    const late = setTimeout(() => response.destroy(), SENDING_MS);
    response.once('close', () => {
      sending.delete(response);
      clearTimeout(late);
    });
    response.end(body);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { accept = '', 'accept-encoding': encodings = '', 'user-agent': userAgent = '' } = request.headers;
    const format = preferred(accept);
    response.setHeader('vary', 'Accept, Accept-Encoding');
    if (request.method === 'HEAD') {
      // Not a scrape: no page is made, nothing counts as delivered.
      response.writeHead(200, { 'content-type': CONTENT_TYPES[format] }).end();
      return;
    }
    const scraper = scrapers.of(request.socket, userAgent.slice(0, 256));
    const zipped = acceptsGzip(encodings);
    const made = await inTurn(async () => {
      // Whoever is gone by now is made no page.
      if (response.destroyed) return undefined;
      const page = await scraper.page();
      return { page, body: await (zipped ? page.gzipped(format) : page.plain(format)) };
    });
    if (!made || response.destroyed) return;
    const { page, body } = made;
    response.once('finish', () => scraper.delivered(page));
    if (zipped) response.setHeader('content-encoding', 'gzip');
    response.writeHead(200, { 'content-type': CONTENT_TYPES[format], 'content-length': body.length });
    send(response, body);
  }

  return { handle, close: () => scrapers.close() };
}

/** OpenMetrics only where the client names it, and does not want text more. */
function preferred(accept: string): Format {
  const openMetrics = mediaQuality(accept, 'application/openmetrics-text', '1.0.0');
  const text = mediaQuality(accept, 'text/plain', '0.0.4');
  return openMetrics.named && openMetrics.quality > 0 && openMetrics.quality >= text.quality
    ? 'openmetrics'
    : 'text';
}
