// SPDX-License-Identifier: Apache-2.0
import { Agent, request as send, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { serve, type HttpServer } from '../../src/http/server.ts';
import { type Scraper, Scrapers } from '../../src/otel/scrapers.ts';
import { sum } from '../../src/util/sum.ts';
import { prometheusEndpoint, type PrometheusEndpoint } from '../../src/otel/prometheus.ts';
import { type CountingOptions, type CountingProducer, countingProducer } from '../support/producers.ts';
import { rawClient } from '../support/raw-client.ts';

interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** Of the first point: the number of the collection that it is from. */
  readonly collection: number | undefined;
}

describe('a scrape', () => {
  let endpoint: PrometheusEndpoint;
  let server: HttpServer;
  let producers: CountingProducer[];
  let agents: Agent[];
  const latest = { ms: 0 };

  async function start(given: CountingOptions = { points: 3 }): Promise<void> {
    const options = { latest, ...given };
    producers = [];
    endpoint = prometheusEndpoint(
      () => {
        const producer = countingProducer(options);
        producers.push(producer);
        return producer;
      },
      { 'service.name': 'joules' },
    );
    server = await serve({
      address: { host: '127.0.0.1', port: 0 },
      routes: { '/metrics': endpoint.handle },
      log: () => {},
    });
  }
  beforeEach(() => {
    agents = [];
    jest.useRealTimers();
  });
  afterEach(async () => {
    for (const agent of agents) agent.destroy();
    await server.close();
    endpoint.close();
  });

  /** A scraper that keeps its one connection. */
  function scraper(
    userAgent = 'Prometheus/2.53',
  ): (more?: Record<string, string>, method?: string) => Promise<Reply> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agents.push(agent);
    return async (more = {}, method = 'GET') => {
      const headers = { 'user-agent': userAgent, ...more };
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        send(`${server.origin}/metrics`, { agent, headers, method }, resolve).on('error', reject).end();
      });
      const body = await buffer(response);
      const text = response.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
      const value = /^a_sum_joules_total\{id="0"[^}]*\} (\d+)/m.exec(text.toString())?.[1];
      return {
        status: response.statusCode,
        headers: response.headers,
        body,
        collection: value === undefined ? undefined : Number(value),
      };
    };
  }
  const nextReading = (): unknown => latest.ms++;

  it('is text, or OpenMetrics where that is asked for', async () => {
    await start();
    const scrape = scraper();
    const text = await scrape({ accept: '*/*' });
    expect(text.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(text.headers['vary']).toBe('Accept, Accept-Encoding');
    expect(text.body.toString()).not.toContain('# EOF');
    const wanted =
      'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
    const open = await scrape({ accept: wanted });
    expect(open.headers['content-type']).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(open.body.toString()).toMatch(/^a_sum_joules_created\{id="0"\} 1\.000\n[^]*\n# EOF\n$/m);
    const less = 'application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.3';
    expect((await scrape({ accept: less })).headers['content-type']).toMatch(/^text\/plain/);
  });

  it('is gzipped where that is accepted', async () => {
    await start({ points: 500 });
    const scrape = scraper();
    const plain = await scrape();
    expect(plain.headers['content-encoding']).toBeUndefined();
    const zipped = await scrape({ 'accept-encoding': 'gzip' });
    expect(zipped.headers['content-encoding']).toBe('gzip');
    expect(Number(zipped.headers['content-length'])).toBe(zipped.body.length);
    expect(gunzipSync(zipped.body).toString()).toBe(plain.body.toString());
  });

  it('by HEAD has the head only, makes no page and delivers nothing', async () => {
    await start();
    const head = await scraper()({ 'accept-encoding': 'gzip' }, 'HEAD');
    expect(head).toMatchObject({ status: 200, body: Buffer.alloc(0) });
    expect(head.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(head.headers['content-encoding']).toBeUndefined();
    expect(producers).toEqual([]);
  });

  it('delivers to each scraper by itself, and to one that asks again only once until there is something new', async () => {
    await start();
    const [first, second] = [scraper(), scraper()];
    expect((await first()).collection).toBe(1);
    expect((await first()).collection).toBe(1);
    expect((await second()).collection).toBe(1);
    expect(producers.map(({ collections, arrived }) => [collections, arrived])).toEqual([
      [1, [0, 1, 2]],
      [1, [0, 1, 2]],
    ]);
    nextReading();
    expect((await first()).collection).toBe(2);
    expect(producers.map(({ collections }) => collections)).toEqual([2, 1]);
  });

  it('by a new connection is the scraper of that name and address whose connection is gone', async () => {
    await start();
    const [a, b] = [scraper('a'), scraper('b')];
    await a();
    await b();
    agents[1]!.destroy();
    agents[0]!.destroy();
    nextReading();
    // In the other order than before, by connections of their own.
    expect((await scraper('b')()).collection).toBe(2);
    expect((await scraper('a')()).collection).toBe(2);
    expect(producers).toHaveLength(2);
    // Another of that name, beside one that is still connected.
    expect((await scraper('a')()).collection).toBe(1);
    expect(producers).toHaveLength(3);
  });

  it('of more scrapers than have a view of their own is of one that they share, and takes no view from others', async () => {
    await start();
    const all = Array.from({ length: 16 }, (_, i) => scraper(`scraper ${i}`));
    for (const scrape of all) await scrape();
    for (let i = 0; i < 20; i++) expect((await scraper(`one more ${i}`)()).collection).toBe(1);
    expect(producers).toHaveLength(17);
    nextReading();
    for (const scrape of all) expect((await scrape()).collection).toBe(2);
    expect(producers).toHaveLength(17);
    expect(producers.some(({ closed }) => closed)).toBe(false);
    endpoint.close();
    expect(producers.every(({ closed }) => closed)).toBe(true);
  });

  it('has the view of the scraper that came least recently, where that has not come for five minutes', () => {
    let nowMs = 0;
    const made: CountingProducer[] = [];
    const create = (): CountingProducer => {
      made.push(countingProducer({ points: 1 }));
      return made.at(-1)!;
    };
    const scrapers = new Scrapers(create, {}, () => nowMs);
    const come = (name: string): Scraper => scrapers.of(new Socket(), name);
    for (let i = 0; i < 16; i++) come(`scraper ${i}`);
    nowMs = 299_999;
    come('early');
    nowMs = 300_000;
    come('late');
    expect(made.map(({ closed }) => closed)).toEqual(Array.from({ length: 18 }, (_, i) => i === 0));
    scrapers.close();
  });

  it('is not delivered to who went away before it was sent', async () => {
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    await start({ points: 3, until });
    const gone = await rawClient(server.origin, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    while (producers.length === 0) await new Promise(setImmediate);
    gone.socket.destroy();
    await gone.closed;
    // Another round trip, after which the server knows.
    await scraper()({}, 'HEAD');
    release();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(producers[0]!.arrived).toEqual([]);
    const back = await rawClient(server.origin, 'GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await back.received(/id="2"\} 1/);
    back.socket.destroy();
    expect(producers[0]!.arrived).toEqual([0, 1, 2]);
    expect(producers).toHaveLength(1);
  });

  it('waits while others are answered, whose pages are made one after the other', async () => {
    let release = (): void => {};
    const until = new Promise<void>((resolve) => (release = resolve));
    await start({ points: 3, until });
    const waiting = Array.from({ length: 40 }, (_, i) => scraper(`scraper ${i}`)());
    while (producers.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
    // Another round trip.
    await scraper()({}, 'HEAD');
    expect(sum(producers.map(({ collections }) => collections))).toBe(1);
    release();
    for (const reply of await Promise.all(waiting)) expect(reply.status).toBe(200);
  });

  it('that is not read is cut off when many more come', async () => {
    // More than the kernel keeps for a connection.
    await start({ points: 10_000, attributes: () => ({ long: 'x'.repeat(1000) }) });
    const whole = (await scraper()()).body.length;
    const deaf: Socket[] = [];
    for (let i = 0; i < 32; i++) {
      const socket = connect(Number(new URL(server.origin).port), '127.0.0.1');
      deaf.push(socket);
      socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
      await once(socket, 'readable');
    }
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await scraper()()).body.length).toBe(whole);
    let received = 0;
    deaf[0]!.on('error', () => {}).on('data', (piece: Buffer) => (received += piece.length));
    await once(deaf[0]!.resume(), 'close');
    expect(received).toBeLessThan(whole);
    for (const socket of deaf) socket.destroy();
  });
});
