// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { sendLine, type Routes } from '../../src/http/router.ts';
import { serve, type HttpServer } from '../../src/http/server.ts';
import { type RawClient, rawClient } from '../support/raw-client.ts';

/** Connections that a server has at a time. */
const LIMIT = 1024;

const ask = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;

describe('the HTTP server', () => {
  let server: HttpServer;
  let lines: string[];
  /** Requests for /held, which are answered by the test. */
  let held: ServerResponse[];
  let calls: number;
  let clients: RawClient[];

  const routes: Routes = {
    '/': (_request, response) => {
      calls++;
      sendLine(response, 200, 'root');
    },
    '/held': (_request, response) => {
      calls++;
      held.push(response);
    },
    '/broken': () => {
      throw new Error('the secret of line 7');
    },
    '/late': async (_request, response) => {
      response.writeHead(200).write('begun');
      await Promise.reject(new Error('too late'));
    },
  };
  const client = async (first?: string): Promise<RawClient> => {
    const one = await rawClient(server.origin, first);
    clients.push(one);
    return one;
  };

  beforeEach(async () => {
    lines = [];
    held = [];
    clients = [];
    calls = 0;
    server = await serve({
      address: { host: '127.0.0.1', port: 0 },
      routes,
      log: (line) => lines.push(line),
    });
  });
  afterEach(async () => {
    for (const { socket } of clients) socket.destroy();
    await server.close();
  });

  it('leads to the handler of a path, whatever the query, and names the paths that there are', async () => {
    expect(await (await fetch(`${server.origin}/?x=/held`)).text()).toBe('root\n');
    const missing = await fetch(`${server.origin}/nothing`);
    expect([missing.status, await missing.text()]).toEqual([
      404,
      'not found: there is /, /held, /broken, /late\n',
    ]);
    // No property of an object is a path.
    expect((await fetch(`${server.origin}/constructor`)).status).toBe(404);
  });

  it('takes nothing but GET and HEAD, and no body', async () => {
    const put = await fetch(server.origin, { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    const long = await client(ask('/', 'Content-Length: 1000000000\r\n'));
    expect(await long.received(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 413 .*connection: close/is);
    await long.closed;
    const chunked = await client(ask('/', 'Transfer-Encoding: chunked\r\n'));
    expect(await chunked.received(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 413 /);
    expect(calls).toBe(0);
  });

  it('does not answer to the name of another host', async () => {
    const rebound = await client('GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    expect(await rebound.received(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 421 /);
    const nameless = await client('GET / HTTP/1.1\r\n\r\n');
    expect(await nameless.received(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 400 /);
    const absolute = await client('GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await absolute.received(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 404 /);
    expect(calls).toBe(0);
  });

  it('tells a client nothing of what went wrong inside, and the log once', async () => {
    for (let i = 0; i < 2; i++) {
      const broken = await fetch(`${server.origin}/broken`);
      expect([broken.status, await broken.text()]).toEqual([
        500,
        'the answer could not be made: see the log\n',
      ]);
    }
    expect(lines).toEqual(['cannot answer /broken: the secret of line 7']);
    // An answer that has begun is cut off: its end must not look like the end of the page.
    await expect(fetch(`${server.origin}/late`).then((late) => late.text())).rejects.toThrow();
  });

  it('cuts off who sends a request before the last one was answered', async () => {
    const eager = await client(ask('/held') + ask('/held'));
    await eager.closed;
    expect(calls).toBe(1);
    const patient = await client(ask('/'));
    await patient.received(/root/);
    patient.socket.write(ask('/held'));
    while (held.length < 2) await new Promise(setImmediate);
    held[1]!.end('second');
    await patient.received(/root[^]*second/);
  });

  it('answers by HTTP/1.1 whoever offers another protocol', async () => {
    const offering = await client(ask('/', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n'));
    expect(await offering.received(/root/)).toMatch(/^HTTP\/1\.1 200 /);
    offering.socket.write(ask('/'));
    await offering.received(/root[^]*root/);
  });

  it('lets the connection go that was idle longest, and serves the newest', async () => {
    const busy = await client(ask('/held'));
    while (held.length < 1) await new Promise(setImmediate);
    const used = await client(ask('/'));
    await used.received(/root/);
    // Half-open, as many as there is room for.
    for (let i = 0; i < LIMIT - 2; i++) await client('GET / HT');
    used.socket.write(ask('/'));
    await used.received(/root[^]*root/);
    const scraper = await client(ask('/'));
    await scraper.received(/root/);
    expect(await clients[2]!.closed).toBe(false);
    // What has been answered, or is being answered, stays.
    for (let i = 0; i < 2 * LIMIT; i++) await client();
    used.socket.write(ask('/'));
    await used.received(/root[^]*root[^]*root/);
    held[0]!.end('answered');
    expect(await busy.received(/answered/)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('turns away whoever comes while every connection is being answered', async () => {
    for (let i = 0; i < LIMIT; i++) await client(ask('/held'));
    while (held.length < LIMIT) await new Promise(setImmediate);
    const surplus = await client(ask('/'));
    await surplus.closed;
    expect(surplus.text()).toBe('');
  });

  it('keeps a connection for the next scrape', async () => {
    const { headers } = await fetch(server.origin);
    expect(headers.get('keep-alive')).toBe('timeout=125');
  });

  it('closes though answers are under way', async () => {
    const waiting = await client(ask('/held'));
    while (held.length < 1) await new Promise(setImmediate);
    await server.close();
    await waiting.closed;
    await expect(fetch(server.origin)).rejects.toThrow();
  });

  it('survives a flood of requests on one connection, and serves others meanwhile', async () => {
    const flood = await client();
    flood.socket.write(ask('/held').repeat(3000));
    const scraper = await client(ask('/'));
    await scraper.received(/root/);
    await flood.closed;
    expect(held.length).toBe(1);
    const [first] = held;
    if (!first!.closed) await once(first!, 'close');
  });
});
