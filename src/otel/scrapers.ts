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

/** The least time between two readings of the ledger. Until then a scraper that asks again gets the same page. */
const PAGE_MS = 1000;

/** Scrapers that are told apart, at most. */
const SCRAPERS = 16;

/** One scraper's view of the ledger. */
export class Scraper {
  /** Address and name of the client, which tell scrapers apart where connections do not. */
  readonly client: string;
  /** The connection that it came by last. */
  socket: Socket | undefined;
  readonly #producer: DeliverableProducer;
  readonly #pageOf: (scopeMetrics: ScopeMetrics[]) => Page;
  #page: Promise<Page> | undefined;
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

  page(): Promise<Page> {
    this.#page ??= this.#collect();
    return this.#page;
  }

  async #collect(): Promise<Page> {
    try {
      const { resourceMetrics } = await this.#producer.collect();
      return this.#pageOf(resourceMetrics.scopeMetrics);
    } finally {
      // Pages of some MB are not kept until the next scrape.
      setTimeout(() => (this.#page = undefined), PAGE_MS).unref();
    }
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
 */
export class Scrapers {
  readonly #create: () => DeliverableProducer;
  readonly #resource: Attributes;
  /** The least recently seen first. */
  readonly #scrapers = new Set<Scraper>();
  /** Scrapers whose producers answer with the same metrics share a page. */
  readonly #pages = new WeakMap<object, Page>();

  constructor(create: () => DeliverableProducer, resource: Attributes) {
    this.#create = create;
    this.#resource = resource;
  }

  of(socket: Socket, userAgent: string): Scraper {
    const client = `${socket.remoteAddress} ${userAgent}`;
    const known = [...this.#scrapers].toReversed();
    const scraper =
      known.find((one) => one.socket === socket && one.client === client) ??
      known.find((one) => one.isFree && one.client === client) ??
      new Scraper(client, this.#create(), (scopeMetrics) => this.#pageOf(scopeMetrics));
    scraper.socket = socket;
    this.#scrapers.delete(scraper);
    this.#scrapers.add(scraper);
    if (this.#scrapers.size > SCRAPERS) {
      const [oldest] = this.#scrapers;
      this.#scrapers.delete(oldest!);
      oldest!.close();
    }
    return scraper;
  }

  close(): void {
    for (const scraper of this.#scrapers) scraper.close();
    this.#scrapers.clear();
  }

  #pageOf(scopeMetrics: ScopeMetrics[]): Page {
    const [first] = scopeMetrics;
    const shared = first && this.#pages.get(first);
    const made = shared ?? new Page(this.#resource, scopeMetrics);
    if (first && scopeMetrics.length === 1) this.#pages.set(first, made);
    return made;
  }
}
