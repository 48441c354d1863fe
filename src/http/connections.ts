// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net';

/**
 * The connections of a server, a limited number. When one more comes, the one that has been idle longest gives
 * way: connections that were opened and then left alone cannot keep a scraper out.
 */
export class Connections {
  readonly #limit: number;
  /** Idle ones, the longest idle first. */
  readonly #idle = new Set<Socket>();
  readonly #busy = new Set<Socket>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  opened(socket: Socket): void {
    if (this.#idle.size + this.#busy.size >= this.#limit) {
      const [oldest = socket] = this.#idle;
      this.#idle.delete(oldest);
      oldest.destroy();
      // Every other is being answered.
      if (oldest === socket) return;
    }
    this.#idle.add(socket);
    socket.once('close', () => {
      this.#idle.delete(socket);
      this.#busy.delete(socket);
    });
  }

  /** False if a request of this connection is still being answered. */
  begin(socket: Socket): boolean {
    if (socket.destroyed || !this.#idle.delete(socket)) return false;
    this.#busy.add(socket);
    return true;
  }

  end(socket: Socket): void {
    if (this.#busy.delete(socket) && !socket.destroyed) this.#idle.add(socket);
  }
}
