// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Attributes } from '@opentelemetry/api';
import type { ScopeMetrics } from '@opentelemetry/sdk-metrics';
import { inSlices } from '../util/cooperative.ts';
import type { DeliverableProducer } from './deliverable.ts';
import { type Format, page } from './exposition.ts';

const compress = promisify(gzip);

/** A collection in the forms that it has been asked for in. */
export class Page {
  readonly scopeMetrics: ScopeMetrics[];
  readonly #resource: Attributes;
  readonly #plain = new Map<Format, Promise<Buffer>>();
  readonly #gzipped = new Map<Format, Promise<Buffer>>();

  constructor(resource: Attributes, scopeMetrics: ScopeMetrics[]) {
    this.#resource = resource;
    this.scopeMetrics = scopeMetrics;
  }

  plain(format: Format): Promise<Buffer> {
    return once(this.#plain, format, () => inSlices(page(this.#resource, this.scopeMetrics, format)));
  }

  /** Compressed beside the event loop: about 30 ms of a CPU for 10,000 series. */
  gzipped(format: Format): Promise<Buffer> {
    return once(this.#gzipped, format, async () => compress(await this.plain(format), { level: 4 }));
  }
}

function once<Key, Value>(known: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = known.get(key) ?? make();
  known.set(key, value);
  return value;
}

/** Pages of some MB are not kept until the next scrape, which comes seldom before there is a newer one. */
const KEPT_MS = 2000;

/** Scrapers that are told apart, at most. */
const SCRAPERS = 16;
/** One that has not come for so long has lost what ended meanwhile (`Ledger`), and gives up its view to others. */
const GONE_MS = 300_000;

/** One scraper's view of the ledger. */
export class Scraper {
  /** Address and name of the client, which tell scrapers apart where connections do not. */
  readonly client: string;
  /** The connection that it came by last, and when that was. */
  socket: Socket | undefined;
  seenMs = 0;
  readonly #producer: DeliverableProducer;
  readonly #pageOf: (scopeMetrics: ScopeMetrics[]) => Page;
  #page: Promise<Page> | undefined;
  /** Which reading of the ledger the page is of. */
  #pageMs: number | undefined;
  #delivered: Page | undefined;
  #closed = false;

  constructor(client: string, producer: DeliverableProducer, pageOf: (scopeMetrics: ScopeMetrics[]) => Page) {
    this.client = client;
    this.#producer = producer;
    this.#pageOf = pageOf;
  }

  get isFree(): boolean {
    return this.socket === undefined || this.socket.destroyed;
  }

  /** The same one until there is something new in the ledger. */
  page(): Promise<Page> {
    const latestMs = this.#producer.latestMs();
    if (this.#page && this.#pageMs === latestMs) return this.#page;
    const made = this.#collect();
    const forget = (): void => {
      if (this.#page === made) this.#page = undefined;
    };
    this.#pageMs = latestMs;
    this.#page = made;
    made.catch(forget);
    setTimeout(forget, KEPT_MS).unref();
    return made;
  }

  async #collect(): Promise<Page> {
    const { resourceMetrics } = await this.#producer.collect();
    return this.#pageOf(resourceMetrics.scopeMetrics);
  }

  delivered(sent: Page): void {
    if (this.#closed || this.#delivered === sent) return;
    this.#delivered = sent;
    this.#producer.delivered({ scopeMetrics: sent.scopeMetrics });
  }

  close(): void {
    this.#closed = true;
    this.#producer.close();
  }
}

/**
 * The views of all scrapers: each sees a new series at a time of its own, so none can have another's view. A
 * connection that is kept is one scraper. A new one is taken for the scraper of the same address and user agent
 * whose connection is closed, or else for a new scraper.
 *
 * A scraper whose view is taken misses the 0 that a new series begins with, and so what that used up to then. So no view is
 * taken from one that goes on: those who come when all are in use share one more.
 */
export class Scrapers {
  readonly #create: () => DeliverableProducer;
  readonly #resource: Attributes;
  readonly #clock: () => number;
  /** The least recently seen first. */
  readonly #scrapers = new Set<Scraper>();
  #shared: Scraper | undefined;
  /** Scrapers whose producers answer with the same metrics share a page. */
  readonly #pages = new WeakMap<object, Page>();

  /** `clock`: monotonic time, ms. */
  constructor(
    create: () => DeliverableProducer,
    resource: Attributes,
    clock: () => number = () => performance.now(),
  ) {
    this.#create = create;
    this.#resource = resource;
    this.#clock = clock;
  }

  of(socket: Socket, userAgent: string): Scraper {
    const client = `${socket.remoteAddress} ${userAgent}`;
    const known = [...this.#scrapers].toReversed();
    const scraper =
      known.find((one) => one.socket === socket && one.client === client) ??
      known.find((one) => one.isFree && one.client === client) ??
      (this.#hasRoom() ? this.#scraper(client) : undefined);
    if (!scraper) return (this.#shared ??= this.#scraper('all others'));
    scraper.socket = socket;
    scraper.seenMs = this.#clock();
    this.#scrapers.delete(scraper);
    this.#scrapers.add(scraper);
    return scraper;
  }

  close(): void {
    for (const scraper of this.#scrapers) scraper.close();
    this.#scrapers.clear();
    this.#shared?.close();
    this.#shared = undefined;
  }

  #scraper(client: string): Scraper {
    return new Scraper(client, this.#create(), (scopeMetrics) => this.#pageOf(scopeMetrics));
  }

  #hasRoom(): boolean {
    const [oldest] = this.#scrapers;
    if (!oldest || this.#scrapers.size < SCRAPERS) return true;
    if (this.#clock() - oldest.seenMs < GONE_MS) return false;
    this.#scrapers.delete(oldest);
    oldest.close();
    return true;
  }

  #pageOf(scopeMetrics: ScopeMetrics[]): Page {
    const [first] = scopeMetrics;
    const shared = first && this.#pages.get(first);
    const made = shared ?? new Page(this.#resource, scopeMetrics);
    if (first && scopeMetrics.length === 1) this.#pages.set(first, made);
    return made;
  }
}
