// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Handler, sendLine } from '../../http/router.ts';
import { inSlices } from '../../util/cooperative.ts';
import type { Dictionary } from '../shared/dictionary.ts';
import type { History } from '../shared/history.ts';
import { EVENTS, type Frame, type Hello } from '../shared/wire.ts';
import { PAGE_HEADERS, isForeign, setHeaders } from './headers.ts';

/** Pages that are looked at, at a time. Scrapers have three times as many connections left. */
const VIEWERS = 16;
/** Frames that a viewer may leave unread. One that is cut off comes back and is told what it has missed. */
const UNREAD_FRAMES = 10;
/** A proxy or a browser takes a stream without a word for dead. */
const ALIVE_MS = 15_000;

export interface EventsOptions {
  readonly history: History;
  readonly dictionary: Dictionary;
  /** What a stream begins with, but for the names. */
  readonly greeting: () => Omit<Hello, 'names'>;
}

interface Viewer {
  readonly response: ServerResponse;
  /** Whether it has got the history, and since when it is told what is new. */
  isGreeted: boolean;
  unread: number;
}

/** What a page has missed, as messages. */
interface Backlog {
  readonly text: string;
  /** End of its last frame. */
  readonly until: number;
}

/** Streams of server-sent events: the history, then each frame. Nothing is made of a frame while nobody looks. */
export class Events {
  readonly #options: EventsOptions;
  readonly #viewers = new Set<Viewer>();
  #alive: NodeJS.Timeout | undefined;
  #backlog: { readonly since: number; readonly last: number; readonly made: Promise<Backlog> } | undefined;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  readonly handle: Handler = async (request, response) => {
    setHeaders(response, PAGE_HEADERS);
    if (isForeign(request)) return sendLine(response, 403, 'not for pages of other sites');
    if (this.#viewers.size >= VIEWERS) {
      response.setHeader('retry-after', '10');
      return sendLine(response, 503, `${VIEWERS} pages are open already`);
    }
    // What a proxy gathers before it passes it on is no longer live.
    setHeaders(response, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    response.writeHead(200);
    if (request.method === 'HEAD') response.end();
    else await this.#greet(request, response);
    return undefined;
  };

  /** Sends the frame that was added to the history. */
  send(frame: Frame): void {
    if (this.#viewers.size === 0) return;
    let text: string | undefined;
    for (const viewer of this.#viewers) {
      if (!viewer.isGreeted) continue;
      viewer.unread = viewer.response.writableNeedDrain ? viewer.unread + 1 : 0;
      if (viewer.unread > UNREAD_FRAMES) viewer.response.destroy();
      else viewer.response.write((text ??= message(EVENTS.frame, frame)));
    }
  }

  close(): void {
    clearInterval(this.#alive);
    for (const { response } of this.#viewers) response.destroy();
  }

  async #greet(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const viewer: Viewer = { response, isGreeted: false, unread: 0 };
    this.#viewers.add(viewer);
    response.once('close', () => this.#left(viewer));
    this.#alive ??= setInterval(() => {
      for (const one of this.#viewers) one.response.write(':\n\n');
    }, ALIVE_MS).unref();
    const { history, greeting, dictionary } = this.#options;
    const hello: Hello = { ...greeting(), names: dictionary.all() };
    const told = await this.#told(sinceOf(request, hello.instance));
    if (response.destroyed) return;
    response.write(message(EVENTS.hello, hello));
    response.write(told.text);
    // Frames that were added meanwhile tell what they name.
    for (const frame of history.frames)
      if (frame.time > told.until) response.write(message(EVENTS.frame, frame));
    response.write(message(EVENTS.live, {}));
    viewer.isGreeted = true;
  }

  /** The history since a time: pages that come one after the other, or again and again, are told the same. */
  #told(since: number): Promise<Backlog> {
    const last = this.#options.history.last?.time ?? 0;
    if (this.#backlog?.since !== since || this.#backlog.last !== last) {
      const made = inSlices(backlogOf(this.#options.history, since));
      this.#backlog = { since, last, made };
      // Some MB are not kept for whoever may come.
      setTimeout(() => (this.#backlog = undefined), 1000).unref();
    }
    return this.#backlog.made;
  }

  #left(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0) return;
    clearInterval(this.#alive);
    this.#alive = undefined;
  }
}

function* backlogOf({ frames, buckets }: History, since: number): Generator<void, Backlog> {
  const parts: string[] = [];
  for (const bucket of buckets.filter(({ to }) => to > since)) {
    parts.push(message(EVENTS.bucket, bucket));
    yield;
  }
  const missed = frames.filter(({ time }) => time > since);
  for (const { names: _told, ...frame } of missed) {
    parts.push(message(EVENTS.frame, frame));
    yield;
  }
  return { text: parts.join(''), until: missed.at(-1)?.time ?? since };
}

/** The end of the last frame that a page has, where it comes back: `?since=INSTANCE:MS`. */
function sinceOf({ url }: IncomingMessage, instance: string): number {
  const [, its, time] = /[?&]since=([\w-]+):(\d+)(?:&|$)/.exec(url ?? '') ?? [];
  return its === instance ? Number(time) : 0;
}

function message(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
