// SPDX-License-Identifier: Apache-2.0
/// <reference lib="dom" />
import type { Page } from 'playwright-core';
import { type HttpServer, serve } from '../../src/http/server.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Selection, SourceKind } from '../../src/model/source.ts';
import { createPage, type LivePage } from '../../src/web/server/page.ts';
import { type Browser, openPage, startChromium, type Watched } from './chromium.ts';
import { endingAt, recording } from './recording.ts';

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

/** The recording, ending now, each of its snapshots long enough for a frame of its own. */
export function recentRecording(): Snapshot[] {
  return endingAt(
    recording().map((one) => ({ ...one, interval_s: Math.max(0.96, one.interval_s) })),
    Date.now(),
  );
}

function selection(kind: SourceKind): Selection {
  const name = { estimated: 'estimated', measured: 'power_core', apportioned: 'power' }[kind];
  return { source: { name, kind, scope: 'core' }, rejected: [] } as unknown as Selection;
}

/** An agent's page without its meter, and browsers that look at it. */
export interface PageStage {
  live: LivePage;
  server: HttpServer;
  /** Starts with these snapshots as the history. */
  readonly start: (begin: readonly Snapshot[], kind?: SourceKind, port?: number) => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly look: (hash?: string, size?: { width: number; height: number }) => Promise<Watched>;
}

/** To be called once in a `describe`: what a test starts and opens is closed after it. */
export function setUpPageStage(): PageStage {
  let browser: Browser;
  let open: Watched[] = [];
  const stage: PageStage = {
    live: undefined as unknown as LivePage,
    server: undefined as unknown as HttpServer,
    async start(begin, kind = 'estimated', port = 0) {
      stage.live = createPage({ host: 'node-7', agent: '1.2.3', namesProcesses: true });
      stage.live.begin(selection(kind), 1000);
      for (const snapshot of begin) stage.live.add(snapshot);
      const address = { host: '127.0.0.1', port };
      stage.server = await serve({ address, routes: stage.live.routes, log: () => {} });
    },
    async stop() {
      stage.live.close();
      await stage.server.close();
    },
    async look(hash = '', size = { width: 1280, height: 900 }) {
      const watched = await openPage(browser.context, size);
      open.push(watched);
      await watched.page.goto(`${stage.server.origin}/${hash}`);
      return watched;
    },
  };
  beforeAll(async () => (browser = await startChromium()));
  afterAll(() => browser[Symbol.asyncDispose]());
  afterEach(async () => {
    for (const { page } of open) await page.close();
    open = [];
    await stage.stop();
  });
  return stage;
}

/** Watts or Joules as the page writes them. */
export function inUnits(text: string): number {
  const [, value, unit] = /([\d.]+)\s*(kW|mW|W|k)?/.exec(text.replaceAll(',', ''))!;
  return Number(value) * { kW: 1000, k: 1000, mW: 1e-3, W: 1 }[(unit ?? 'W') as 'W'];
}

export async function textOf(page: Page, selector: string): Promise<string> {
  return (await page.textContent(selector)) ?? '';
}

/** Texts of the rows of the table. */
export function rowsOf(page: Page): Promise<string[]> {
  return page.locator('.row:visible').evaluateAll((all) => all.map((row) => row.textContent ?? ''));
}

/** Resolves when the page shows what there is. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector('.row:visible');
  await page.waitForSelector('#state.live');
}

/** Resolves when the page shows so many W. */
export async function showsWatts(page: Page, watts: number): Promise<void> {
  await page.waitForFunction((expected) => {
    const shown = /[\d.]+/.exec(document.querySelector('#watts')?.textContent ?? '');
    return Math.abs(Number(shown?.[0]) - expected) < 0.02;
  }, watts);
}

/** Mean power of snapshots, W. */
export function meanWatts(some: readonly Snapshot[]): number {
  return sum(some.map(({ totals }) => totals.counter_j)) / sum(some.map(({ interval_s }) => interval_s));
}
