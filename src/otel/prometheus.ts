// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Attributes } from '@opentelemetry/api';
import { acceptsGzip, mediaQuality } from '../http/accept.ts';
import { type Handler, sendLine } from '../http/router.ts';
import type { DeliverableProducer } from './deliverable.ts';
import { CONTENT_TYPES, type Format } from './exposition.ts';
import { Scrapers } from './scrapers.ts';

export interface PrometheusEndpoint {
  /** Answers a scrape. */
  readonly handle: Handler;
  readonly close: () => void;
}

/** Pages that are made at a time: more at once are no sooner ready, but need the memory at once. */
const IN_THE_MAKING = 8;
/** Pages that are on their way to clients at a time. */
const ON_THE_WAY = 16;
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
  let making = 0;
  let sending = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { accept = '', 'accept-encoding': encodings = '', 'user-agent': userAgent = '' } = request.headers;
    const format = preferred(accept);
    response.setHeader('vary', 'Accept, Accept-Encoding');
    if (request.method === 'HEAD') {
      // Not a scrape: no page is made, nothing counts as delivered.
      response.writeHead(200, { 'content-type': CONTENT_TYPES[format] }).end();
      return;
    }
    if (making >= IN_THE_MAKING || sending >= ON_THE_WAY) {
      response.setHeader('retry-after', '1');
      sendLine(response, 503, 'too many scrapes at once');
      return;
    }
    const scraper = scrapers.of(request.socket, userAgent.slice(0, 256));
    const zipped = acceptsGzip(encodings);
    making++;
    const made = await scraper
      .page()
      .then(async (page) => ({ page, body: await (zipped ? page.gzipped(format) : page.plain(format)) }))
      .finally(() => making--);
    if (response.destroyed) return;

    sending++;
    const late = setTimeout(() => response.destroy(), SENDING_MS);
    response.once('finish', () => scraper.delivered(made.page));
    response.once('close', () => {
      sending--;
      clearTimeout(late);
    });
    if (zipped) response.setHeader('content-encoding', 'gzip');
    response
      .writeHead(200, { 'content-type': CONTENT_TYPES[format], 'content-length': made.body.length })
      .end(made.body);
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
