// SPDX-License-Identifier: Apache-2.0
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve, type HttpServer } from '../../src/http/server.ts';
import type { Selection } from '../../src/model/source.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { createPage, type LivePage } from '../../src/web/server/page.ts';
import { waitFor } from '../support/kernel.ts';
import { endingAt, recording } from '../support/recording.ts';
import { rawClient } from '../support/raw-client.ts';
import { Viewer } from '../support/viewer.ts';

const SELECTION = {
  source: { name: 'estimated', kind: 'estimated', scope: 'cpu', watts: { reference: 'a table' } },
  rejected: [],
} as unknown as Selection;

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** Headers by a client that may say what it likes, as fetch may not. */
async function answerTo(origin: string, path: string, headers: string): Promise<string> {
  const client = await rawClient(origin, `GET ${path} HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`);
  await client.closed;
  return client.text();
}

describe('the stream of the page', () => {
  let page: LivePage;
  let server: HttpServer;
  const snapshots = endingAt(recording(), Date.now()).map((one) => ({
    ...one,
    interval_s: Math.max(0.96, one.interval_s),
  }));

  async function start(begin: readonly Snapshot[]): Promise<void> {
    page = createPage({ host: 'node-7', agent: '1.2.3', namesProcesses: true });
    page.begin(SELECTION, 1000);
    for (const snapshot of begin) page.add(snapshot);
    server = await serve({ address: { host: '127.0.0.1', port: 0 }, routes: page.routes, log: () => {} });
  }

  beforeEach(() => start(snapshots.slice(0, 150)));
  afterEach(async () => {
    page.close();
    await server.close();
  });

  it('tells the history, and then each frame: what the snapshots have', async () => {
    await using viewer = await new Viewer(server.origin).live();
    expect(viewer.store.hello).toMatchObject({
      host: 'node-7',
      agent: '1.2.3',
      source: { reference: 'a table' },
    });
    expect(viewer.store.history.frames).toHaveLength(150);
    for (const snapshot of snapshots.slice(150, 160)) page.add(snapshot);
    await viewer.frames(160);
    const all = viewer.store.shown({ from: 0, to: Date.now() })!;
    const counted = sum(snapshots.slice(0, 160).map(({ totals }) => totals.counter_j));
    expect(Math.abs(all.total / 1e6 - counted)).toBeLessThan(1e-2);
    expect(sum([...all.rows.values()].map(({ energy }) => energy))).toBe(all.ledger.process);
    const now = viewer.store.shown(undefined)!;
    const last = sum(snapshots.slice(155, 160).map(({ totals }) => totals.counter_j));
    expect(Math.abs(now.total / 1e6 - last)).toBeLessThan(1e-4);
  });

  it('tells two pages the same, and forgets what left', async () => {
    await using one = await new Viewer(server.origin).live();
    await using other = await new Viewer(server.origin).live();
    for (const snapshot of snapshots.slice(150)) {
      page.add(snapshot);
      // A second, in which it is read.
      await sleep(2);
    }
    await Promise.all([one.frames(195), other.frames(195)]);
    const now = (viewer: Viewer): number => viewer.store.shown(undefined)!.total;
    expect(now(one)).toBe(now(other));
    expect(one.store.dictionary.rows.size).toBeLessThan(4000);
  });

  it('goes on where a page was cut off, without what it had', async () => {
    const viewer = await new Viewer(server.origin).live();
    await viewer[Symbol.asyncDispose]();
    for (const snapshot of snapshots.slice(150, 170)) page.add(snapshot);
    await using again = await new Viewer(server.origin, viewer.store).live();
    expect(again.told).toHaveLength(20);
    expect(again.store.history.frames).toHaveLength(170);
    const all = again.store.shown({ from: 0, to: Date.now() })!;
    expect(
      Math.abs(all.total / 1e6 - sum(snapshots.slice(0, 170).map(({ totals }) => totals.counter_j))),
    ).toBeLessThan(1e-2);
  });

  it('goes on with another agent at the same place', async () => {
    const viewer = await new Viewer(server.origin).live();
    page.close();
    await server.close();
    await waitFor('the end of the stream', () => viewer.isOver || undefined);
    await start(snapshots.slice(160, 170));
    await using again = await new Viewer(server.origin, viewer.store).live();
    expect(again.store.history.frames).toHaveLength(160);
    for (const snapshot of snapshots.slice(170, 180)) page.add(snapshot);
    await again.frames(20);
    const now = again.store.shown(undefined)!;
    expect(
      Math.abs(now.total / 1e6 - sum(snapshots.slice(175, 180).map(({ totals }) => totals.counter_j))),
    ).toBeLessThan(1e-4);
  });

  it('makes nothing while nobody looks', async () => {
    const made = jest.spyOn(JSON, 'stringify');
    try {
      for (const snapshot of snapshots.slice(150, 160)) page.add(snapshot);
      expect(made).not.toHaveBeenCalled();
      await using viewer = await new Viewer(server.origin).live();
      expect(page.viewers()).toBe(1);
      made.mockClear();
      page.add(snapshots[160]!);
      // Once for all who look.
      expect(made).toHaveBeenCalledTimes(1);
      expect(viewer.isOver).toBe(false);
    } finally {
      made.mockRestore();
    }
    await waitFor('the page to be gone', () => (page.viewers() === 0 ? true : undefined));
  });

  it('is for sixteen at a time; scrapers are answered beside them', async () => {
    const viewers = Array.from({ length: 16 }, () => new Viewer(server.origin));
    await Promise.all(viewers.map((viewer) => viewer.live()));
    await using late = new Viewer(server.origin);
    await waitFor('an answer', () => late.status);
    expect(late.status).toBe(503);
    const { status } = await fetch(`${server.origin}/`);
    expect(status).toBe(200);
    expect(viewers.every(({ isOver }) => !isOver)).toBe(true);
    expect(page.viewers()).toBe(16);
    await Promise.all(viewers.map((viewer) => viewer[Symbol.asyncDispose]()));
  });

  it('lets a page go that does not read', async () => {
    const socket = connect(Number(new URL(server.origin).port), '127.0.0.1');
    socket.pause();
    socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await waitFor('the page', () => (page.viewers() === 1 ? true : undefined));
    const big = snapshots[20]!;
    const many = Array.from(
      { length: 2500 },
      (_, i) => ({ ...big.processes[0]!, pid: 20_000 + i }) as Snapshot['processes'][number],
    );
    let time = Date.parse(snapshots.at(-1)!.time);
    await waitFor('it to be cut off', () => {
      time += 1000;
      page.add({ ...big, processes: many, time: new Date(time).toISOString() });
      return page.viewers() === 0 ? true : undefined;
    });
    expect(page.viewers()).toBe(0);
    socket.destroy();
  });

  it('is not held open by pages of other sites, nor asked under names that are not ours', async () => {
    const foreign = await answerTo(server.origin, '/events', 'Host: localhost\r\nSec-Fetch-Site: cross-site');
    expect(foreign).toMatch(/^HTTP\/1\.1 403 /);
    const rebound = await answerTo(server.origin, '/', 'Host: evil.example');
    expect(rebound).toMatch(/^HTTP\/1\.1 421 /);
    const followed = await answerTo(
      server.origin,
      '/',
      'Host: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate',
    );
    expect(followed).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('ends with the server', async () => {
    await using viewer = await new Viewer(server.origin).live();
    page.close();
    await server.close();
    await waitFor('the end of the stream', () => viewer.isOver || undefined);
    expect(page.viewers()).toBe(0);
  });
});

describe('the files of the page', () => {
  let server: HttpServer;
  beforeAll(async () => {
    const page = createPage({ host: 'node-7', agent: '1', namesProcesses: true });
    server = await serve({ address: { host: '127.0.0.1', port: 0 }, routes: page.routes, log: () => {} });
  });
  afterAll(() => server.close());

  it('are 60 kB at most, all together, gzipped', async () => {
    const sizes = await Promise.all(
      ['/', '/app.js', '/app.css', '/icon.svg'].map(async (path) => {
        const { headers, status } = await fetch(`${server.origin}${path}`);
        expect([status, headers.get('content-encoding')]).toEqual([200, 'gzip']);
        return Number(headers.get('content-length'));
      }),
    );
    expect(sum(sizes)).toBeLessThanOrEqual(60 * 1024);
  });

  it.each(['/', '/app.js', '/app.css', '/icon.svg', '/events'])(
    '%s may run and load nothing else',
    async (path) => {
      const { headers } = await fetch(`${server.origin}${path}`, { method: 'HEAD' });
      const policy = headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("trusted-types 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('access-control-allow-origin')).toBeNull();
    },
  );

  it('are not sent again while they are the same', async () => {
    const first = await fetch(`${server.origin}/app.js`);
    await first.arrayBuffer();
    const etag = first.headers.get('etag')!;
    const again = await fetch(`${server.origin}/app.js`, { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
  });
});
