// SPDX-License-Identifier: Apache-2.0
import type { Store } from '../shared/store.ts';
import { type Bucket, EVENTS, type Frame, type Hello, WIRE_VERSION } from '../shared/wire.ts';

export type StreamState = 'connecting' | 'live' | 'lost';

/** Time until a lost connection is tried again: longer each time, up to the last. */
const RETRY_MS = [500, 1000, 2000, 4000, 8000] as const;

/** The stream of frames into a store: it is let go while the page is hidden, and taken up again where it ended. */
export class Stream {
  state: StreamState = 'connecting';
  readonly #store: Store;
  readonly #changed: () => void;
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(store: Store, changed: () => void) {
    this.#store = store;
    this.#changed = changed;
    document.addEventListener('visibilitychange', () => (document.hidden ? this.#leave() : this.#connect()));
    // A page that the browser keeps for "back" must not hold a connection.
    addEventListener('pagehide', () => this.#leave());
    addEventListener('pageshow', ({ persisted }) => persisted && this.#connect());
    addEventListener('online', () => this.#connect());
    this.#connect();
  }

  #connect(): void {
    this.#leave();
    if (document.hidden) return;
    const { hello, history } = this.#store;
    const since = hello && history.last ? `?since=${hello.instance}:${history.last.time}` : '';
    const source = new EventSource(`events${since}`);
    this.#source = source;
    let isTold = false;
    const on = (name: string, take: (data: unknown) => void): void =>
      source.addEventListener(name, (event: MessageEvent<string>) => take(JSON.parse(event.data)));
    on(EVENTS.hello, (data) => {
      const told = data as Hello;
      // Another agent has been installed: its page knows how to read it.
      if (told.version !== WIRE_VERSION) location.reload();
      this.#store.greet(told);
    });
    on(EVENTS.frame, (data) => {
      this.#store.add(data as Frame);
      if (isTold) this.#changed();
    });
    on(EVENTS.bucket, (data) => this.#store.addBucket(data as Bucket));
    on(EVENTS.live, () => {
      isTold = true;
      this.#failures = 0;
      this.#tell('live');
    });
    source.addEventListener('error', () => this.#lost());
  }

  #lost(): void {
    this.#leave();
    const delay = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)]!;
    this.#retry = setTimeout(() => this.#connect(), delay);
    this.#tell('lost');
  }

  #leave(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = undefined;
  }

  #tell(state: StreamState): void {
    this.state = state;
    this.#changed();
  }
}
