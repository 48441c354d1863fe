// SPDX-License-Identifier: Apache-2.0
import { Store } from '../../src/web/shared/store.ts';
import type { Bucket, Frame, Hello } from '../../src/web/shared/wire.ts';
import { waitFor } from './kernel.ts';

/** What a page does with a stream, without a browser: everything but to draw. */
export class Viewer implements AsyncDisposable {
  readonly store: Store;
  /** Status of the answer; undefined until there is one. */
  status: number | undefined;
  isLive = false;
  isOver = false;
  /** Times of the frames that it was told. */
  readonly told: number[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  /** As a page that comes back, with what it had. */
  constructor(origin: string, store: Store = new Store()) {
    this.store = store;
    const { hello, history } = store;
    const since = hello && history.last ? `?since=${hello.instance}:${history.last.time}` : '';
    this.#done = this.#read(`${origin}/events${since}`).catch(() => {});
  }

  /** Resolves when it has got the history. */
  async live(): Promise<this> {
    await waitFor('the history', () => this.isLive || undefined);
    return this;
  }

  /** Resolves when it has got so many frames. */
  async frames(count: number): Promise<void> {
    await waitFor(`${count} frames`, () => this.told.length >= count || undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }

  async #read(url: string): Promise<void> {
    try {
      const response = await fetch(url, { signal: this.#abort.signal });
      this.status = response.status;
      const decoder = new TextDecoder();
      let text = '';
      for await (const chunk of response.body!) {
        text += decoder.decode(chunk, { stream: true });
        const messages = text.split('\n\n');
        text = messages.pop()!;
        for (const message of messages) this.#take(message);
      }
    } finally {
      this.isOver = true;
    }
  }

  #take(message: string): void {
    const event = /^event: (\w+)$/m.exec(message)?.[1];
    const data = /^data: (.*)$/m.exec(message)?.[1];
    if (event === undefined || data === undefined) return;
    const told: unknown = JSON.parse(data);
    if (event === 'hello') this.store.greet(told as Hello);
    if (event === 'bucket') this.store.addBucket(told as Bucket);
    if (event === 'live') this.isLive = true;
    if (event !== 'frame') return;
    this.store.add(told as Frame);
    this.told.push((told as Frame).time);
  }
}
