// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BOUNDS, type Bounds } from '../../src/attach/bounds.ts';
import { type AttachServer, serveAttach } from '../../src/attach/server.ts';
import { ProcessTable } from '../../src/attribution/process-table.ts';
import { columnsOf } from '../support/columns.ts';
import { openDirectory } from '../support/attached.ts';
import { waitFor } from '../support/kernel.ts';
import { snapshotOf } from '../support/snapshots.ts';

interface Line {
  readonly schema?: string;
  readonly id?: unknown;
  readonly reading?: { readonly seq: number; readonly process: { readonly pid: number } };
  readonly error?: { readonly code: string };
}

/** A connection, and the lines that have come. */
interface Peer {
  readonly socket: Socket;
  readonly lines: Line[];
  isClosed: boolean;
}

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function serve(
  bounds: Partial<Bounds> = {},
): Promise<{ server: AttachServer; path: string; peer: () => Promise<Peer> }> {
  const directory = openDirectory();
  const log = (line: string): void => {
    throw new Error(line);
  };
  const server = await serveAttach({
    directory,
    proc: '/proc',
    version: '0',
    intervalMs: 1000,
    log,
    leastAgeMs: 0,
    bounds: { ...BOUNDS, ...bounds },
  });
  opened.push(server);
  const path = join(directory, 'attach.sock');
  return { server, path, peer: () => open(path) };
}

async function open(path: string): Promise<Peer> {
  const socket = connect(path);
  const peer: Peer = { socket, lines: [], isClosed: false };
  let text = '';
  socket.on('data', (data: Buffer) => {
    text += data.toString();
    const lines = text.split('\n');
    text = lines.pop()!;
    peer.lines.push(...lines.map((line) => JSON.parse(line) as Line));
  });
  socket.on('error', () => {});
  socket.on('close', () => (peer.isClosed = true));
  opened.push({ close: () => socket.destroy() });
  await once(socket, 'connect');
  await waitFor('a greeting', () => (peer.lines.length > 0 || peer.isClosed ? true : undefined));
  return peer;
}

/** An interval in which this process used nothing that is known. */
function interval(server: AttachServer): void {
  const charges = { table: new ProcessTable(columnsOf({}), false) } as never;
  server.add({ snapshot: snapshotOf(), charges });
}

async function ended({ lines, isClosed: _, ...peer }: Peer): Promise<string | undefined> {
  if (!peer.socket.closed) await once(peer.socket, 'close');
  return lines.at(-1)?.error?.code;
}

const ask = (fields: object): string => `${JSON.stringify({ id: 1, scope: 'self', ...fields })}\n`;

describe('a peer of the agent', () => {
  it('is greeted, and answered under the id that it gave', async () => {
    const { server, peer } = await serve();
    interval(server);
    const { socket, lines } = await peer();
    expect(lines[0]).toMatchObject({
      schema: 'joules.attach/1',
      pid: process.pid,
      scopes: ['self', 'container'],
    });
    socket.write(ask({ id: 'first' }) + ask({ id: 2 }));
    await waitFor('both answers', () => (lines.length > 2 ? true : undefined));
    expect(lines.slice(1).map(({ id, reading }) => [id, reading!.process.pid])).toEqual([
      ['first', process.pid],
      [2, process.pid],
    ]);
  });

  it('waits for the next interval where it asks for that, and gets each once', async () => {
    const { server, peer } = await serve();
    interval(server);
    const { socket, lines } = await peer();
    socket.write(ask({}) + ask({ next: true }) + ask({ next: true }));
    await waitFor('the first', () => (lines.length > 1 ? true : undefined));
    await sleep(100);
    expect(lines).toHaveLength(2);
    interval(server);
    await waitFor('the second', () => (lines.length > 2 ? true : undefined));
    interval(server);
    await waitFor('the third', () => (lines.length > 3 ? true : undefined));
    expect(lines.slice(1).map(({ reading }) => reading!.seq)).toEqual([1, 2, 3]);
  });

  it('is told what is wrong with its requests, and may go on', async () => {
    const { server, peer } = await serve();
    interval(server);
    const { socket, lines } = await peer();
    const wrong = [
      '',
      'x',
      '[]',
      'null',
      '{"id":{}}',
      '{"id":1}',
      '{"id":1,"scope":"self","next":1}',
      '{"id":1,"scope":"ALL"}',
    ];
    socket.write(`${wrong.join('\n')}\n${ask({ scope: 'all' })}${ask({})}`);
    await waitFor('all answers', () => (lines.length > wrong.length + 2 ? true : undefined));
    const codes = lines.slice(1).map(({ error }) => error?.code);
    expect(codes).toEqual([...wrong.map(() => 'bad_request'), 'forbidden', undefined]);
  });

  it('is cut off by a line that is too long, whether it ends or not', async () => {
    const { peer } = await serve();
    for (const line of ['x'.repeat(BOUNDS.lineBytes + 1), `${'x'.repeat(5000)}\n`]) {
      const one = await peer();
      one.socket.write(line);
      expect(await ended(one)).toBe('too_long');
    }
    const right = await peer();
    right.socket.write(`${'x'.repeat(BOUNDS.lineBytes)}\n`);
    await waitFor('an answer', () => (right.lines.length > 1 ? true : undefined));
    expect(right.lines[1]!.error!.code).toBe('bad_request');
  });

  it('is cut off where it says nothing, or half a line, for too long, but not while it waits', async () => {
    const { server, peer } = await serve({ idleMs: 1000 });
    interval(server);
    const [silent, half, waiting] = [await peer(), await peer(), await peer()];
    half.socket.write('{"id":1,');
    waiting.socket.write(ask({}) + ask({ next: true }));
    expect(await Promise.all([ended(silent), ended(half)])).toEqual(['idle', 'idle']);
    await sleep(2000);
    expect(waiting.isClosed).toBe(false);
    interval(server);
    await waitFor('the next interval', () => (waiting.lines.length > 2 ? true : undefined));
  });

  it('finds no place beyond those of its user, and one when another leaves', async () => {
    const { peer } = await serve();
    const peers: Peer[] = [];
    for (let i = 0; i < BOUNDS.peersOfUser; i++) peers.push(await peer());
    const surplus = await peer();
    expect(surplus.lines[0]!.error!.code).toBe('busy');
    expect(await ended(surplus)).toBe('busy');
    peers[0]!.socket.destroy();
    await waitFor('a place', async () => ((await peer()).lines[0]!.error ? undefined : true));
  });

  it('that does not read its answers is asked for nothing more, and then cut off', async () => {
    const { server, path } = await serve({ perSecond: 1e9, burst: 1e9, idleMs: 1000 });
    interval(server);
    const socket = connect(path).pause();
    opened.push({ close: () => socket.destroy() });
    socket.on('error', () => {});
    let written = 0;
    const request = Buffer.from(ask({}).repeat(1000));
    const write = (): void => {
      while (!socket.destroyed && socket.write(request)) written += request.length;
      socket.once('drain', () => {
        written += request.length;
        write();
      });
    };
    write();
    // As much as the kernel takes, and 64 KiB of what was read.
    await waitFor(
      'the end',
      () => (socket.destroyed || socket.readableEnded || socket.errored ? true : undefined),
      30_000,
    ).catch(() => {});
    expect(written).toBeLessThan(4_000_000);
  });

  it('asks too fast, and is answered no faster than it may', async () => {
    const { server, peer } = await serve({ burst: 5, perSecond: 20 });
    interval(server);
    const { socket, lines } = await peer();
    const sinceMs = performance.now();
    socket.write(ask({}).repeat(25));
    await waitFor('all answers', () => (lines.length > 25 ? true : undefined));
    // 5 at once and 20 at 20 a second, less what timers are late by.
    expect(performance.now() - sinceMs).toBeGreaterThan(900);
  });
});
