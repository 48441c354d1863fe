// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawClient {
  readonly socket: Socket;
  /** All that came so far. */
  readonly text: () => string;
  /** Resolves once `pattern` has come; fails if the connection ends before. */
  readonly received: (pattern: RegExp) => Promise<string>;
  /** Resolves once the connection is closed, by whichever side. */
  readonly closed: Promise<unknown>;
}

/** A connection on which anything can be sent, well-formed or not. */
export async function rawClient(origin: string, first = ''): Promise<RawClient> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  // Being cut off is what many tests are about.
  socket.on('error', () => {});
  let text = '';
  socket.on('data', (piece: Buffer) => (text += piece.toString('latin1')));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'connect');
  socket.write(first);
  return {
    socket,
    text: () => text,
    async received(pattern) {
      while (!pattern.test(text)) {
        if (socket.destroyed) throw new Error(`closed after: ${text}`);
        await Promise.race([once(socket, 'data'), closed]);
      }
      return text;
    },
    closed,
  };
}
