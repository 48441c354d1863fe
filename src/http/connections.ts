// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';

/**
 * The connections of a server, a limited number. When one more comes, one that is idle gives way: the oldest of those that
 * have never asked for anything, where these are more than half, else the one that was answered longest ago. So
 * connections that are opened and left alone cannot keep a scraper out, however many they are: half of the limit must only
 * be more than what the kernel queues, so that a request which came with its connection is read before it is its turn to
 * go.
 */
export class Connections {
  readonly #limit: number;
  /** The connections that those of TLS are carried by, by the address and port of the other side. */
  readonly #carriers = new Map<string, Socket>();
  /** Without a request so far, the oldest first. */
  readonly #silent = new Set<Socket>();
  /** Answered, and idle since; the longest idle first. */
  readonly #answered = new Set<Socket>();
  readonly #busy = new Set<Socket>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  opened(socket: Socket): void {
    if (this.#silent.size + this.#answered.size + this.#busy.size >= this.#limit) {
      const silentGo = this.#silent.size > this.#limit / 2 || this.#answered.size === 0;
      const [oldest = socket] = silentGo ? this.#silent : this.#answered;
      this.#forget(oldest);
      oldest.destroy();
      // Every other is being answered.
      if (oldest === socket) return;
    }
    this.#silent.add(socket);
    const peer = peerOf(socket);
    if (peer !== undefined) this.#carriers.set(peer, socket);
    socket.once('close', () => {
      this.#forget(socket);
      if (peer !== undefined && this.#carriers.get(peer) === socket) this.#carriers.delete(peer);
    });
  }

  /** The one that was opened, of a connection of TLS or of itself. */
  of(socket: Socket): Socket {
    const peer = peerOf(socket);
    return (peer === undefined ? undefined : this.#carriers.get(peer)) ?? socket;
  }

  isBusy(socket: Socket): boolean {
    return this.#busy.has(socket);
  }

  /** False if a request of this connection is still being answered. */
  begin(socket: Socket): boolean {
    if (socket.destroyed || !(this.#silent.delete(socket) || this.#answered.delete(socket))) return false;
    this.#busy.add(socket);
    return true;
  }

  end(socket: Socket): void {
    if (this.#busy.delete(socket) && !socket.destroyed) this.#answered.add(socket);
  }

  #forget(socket: Socket): void {
    for (const sockets of [this.#silent, this.#answered, this.#busy]) sockets.delete(socket);
  }
}

function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remotePort === undefined ? undefined : `${remoteAddress} ${remotePort}`;
}
