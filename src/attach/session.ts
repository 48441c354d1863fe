// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';
import type { Bounds } from './bounds.ts';
import type { Hub } from './hub.ts';
import { Lines } from './lines.ts';
import { type Identity, isUnchanged } from './peer.ts';
import type { Answer, AttachScope, Refusal, RefusalCode, Request } from './protocol.ts';
import { parseRequest } from './request.ts';

export interface SessionOptions {
  readonly socket: Socket;
  readonly hub: Hub;
  readonly identity: Identity;
  readonly scopes: readonly AttachScope[];
  readonly proc: string;
  readonly bounds: Bounds;
}

/** What a request is answered with: known, for later, or never, and why. */
type Outcome = { readonly bytes: string | Buffer } | 'later' | Refusal;

/**
 * One connection. One request is answered after the other; nothing more is read while one waits, while too much of the
 * answers is not read, or while requests come too fast: so what a peer can make us keep is bounded by what it has in the
 * kernel.
 */
export class Session {
  readonly #options: SessionOptions;
  readonly #lines: Lines;
  #waiting: Request | undefined;
  /** Numbers of the intervals that were answered last. */
  readonly #answered = { reading: 0, interval: 0 };
  #tokens: number;
  #filledMs = performance.now();
  #timer: NodeJS.Timeout | undefined;
  #refill: NodeJS.Timeout | undefined;
  #ended = false;
  /** Interval at which the process was last seen to be who it was. */
  #checkedSeq = -1;

  constructor(options: SessionOptions) {
    this.#options = options;
    const { socket, bounds } = options;
    this.#lines = new Lines(bounds.lineBytes);
    this.#tokens = bounds.burst;
    socket.on('data', (chunk: Buffer) => {
      this.#lines.add(chunk);
      this.#pump();
    });
    socket.on('drain', () => this.#pump());
    socket.once('close', () => {
      this.#ended = true;
      clearTimeout(this.#timer);
      clearTimeout(this.#refill);
    });
    this.#expectProgress();
    socket.resume();
  }

  /** There is something new: answers whoever waits for it. */
  announce(): void {
    const request = this.#waiting;
    if (!request || this.#ended) return;
    this.#waiting = undefined;
    this.#serve(request);
    this.#pump();
  }

  /** Ends the connection, with the reason as its last line. */
  end(code: RefusalCode, message: string, id: Request['id'] | null = null): void {
    if (this.#ended) return;
    this.#ended = true;
    const { socket, bounds } = this.#options;
    socket.end(`${JSON.stringify({ id, error: { code, message } })}\n`);
    // Who does not read does not see the end either.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => socket.destroy(), bounds.farewellMs).unref();
  }

  #pump(): void {
    const { socket } = this.#options;
    while (!this.#ended && this.#mayGoOn()) {
      const line = this.#lines.take();
      if (line === undefined) {
        socket.resume();
        return;
      }
      if (line === null) {
        const { lineBytes } = this.#options.bounds;
        this.end('too_long', `a request has ${lineBytes} bytes at most`);
        return;
      }
      this.#tokens--;
      this.#expectProgress();
      this.#take(line);
    }
    socket.pause();
  }

  #mayGoOn(): boolean {
    const { socket, bounds } = this.#options;
    if (this.#waiting || socket.writableLength > bounds.unsentBytes) return false;
    const nowMs = performance.now();
    const refilled = this.#tokens + ((nowMs - this.#filledMs) * bounds.perSecond) / 1000;
    this.#tokens = Math.min(bounds.burst, refilled);
    this.#filledMs = nowMs;
    if (this.#tokens >= 1) return true;
    this.#refill ??= setTimeout(() => {
      this.#refill = undefined;
      this.#pump();
    }, 1000 / bounds.perSecond).unref();
    return false;
  }

  /** A peer that asks for nothing, or does not read its answers, gives its place to others. */
  #expectProgress(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { socket, bounds } = this.#options;
      if (this.#waiting && socket.writableLength === 0) this.#expectProgress();
      else this.end('idle', `nothing was asked for, or read, for ${bounds.idleMs / 1000} s`);
    }, this.#options.bounds.idleMs).unref();
  }

  #take(line: string): void {
    const request = parseRequest(line);
    if ('wrong' in request) this.#refuse(request.id, { code: 'bad_request', message: request.wrong });
    else this.#serve(request);
  }

  #serve(request: Request): void {
    const { identity, proc, hub } = this.#options;
    if (this.#checkedSeq !== hub.accounts.shownSeq && !isUnchanged(identity, proc)) {
      this.end('changed', 'this is no longer the process of that user that connected', request.id);
      return;
    }
    this.#checkedSeq = hub.accounts.shownSeq;
    const outcome = this.#outcome(request);
    if (outcome === 'later') this.#waiting = request;
    else if ('code' in outcome) this.#refuse(request.id, outcome);
    else {
      const { socket } = this.#options;
      // An interval is made into text once for all peers.
      socket.cork();
      socket.write(`{"id":${JSON.stringify(request.id)},`);
      socket.write(outcome.bytes);
      socket.uncork();
    }
  }

  #outcome({ scope, next }: Request): Outcome {
    const { hub, identity, scopes } = this.#options;
    if (scope !== 'all' && !identity.process)
      return {
        code: 'not_visible',
        message: 'the agent cannot see this process: it is in no pid namespace of its',
      };
    if (!scopes.includes(scope))
      return {
        code: 'forbidden',
        message: `${scope} is not to be had by this socket, or out of a container`,
      };
    if (scope === 'all') {
      const kept = hub.intervalAfter(next ? this.#answered.interval : 0);
      if (!kept) return 'later';
      this.#answered.interval = kept.seq;
      return { bytes: kept.bytes };
    }
    const reading = hub.accounts.reading(identity.process!, scope === 'container');
    if (!reading || (next && reading.seq <= this.#answered.reading)) return 'later';
    if (scope === 'container' && !reading.container) {
      // In which cgroup it is shows once it has run.
      if (reading.process.elapsed_s === 0) return 'later';
      return { code: 'no_container', message: 'this process is in no container that is known as one' };
    }
    this.#answered.reading = reading.seq;
    return { bytes: `${JSON.stringify({ reading }).slice(1)}\n` };
  }

  #refuse(id: Request['id'] | null, error: Refusal): void {
    const answer: Omit<Extract<Answer, { error: Refusal }>, 'id'> = { error };
    this.#options.socket.write(`${JSON.stringify({ id, ...answer })}\n`);
  }
}
