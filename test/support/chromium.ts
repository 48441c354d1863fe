// SPDX-License-Identifier: Apache-2.0
// What is evaluated in pages is checked as it is run there.
/// <reference lib="dom" />
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** `describe` with Debian's Chromium; without it the tests are skipped and say why. */
export const describeInChromium: typeof describe.skip = ((title: string, body: () => void) =>
  existsSync(CHROMIUM)
    ? describe(title, body)
    : describe.skip(`${title} (skipped: no ${CHROMIUM})`, body)) as typeof describe.skip;

/** A browser with a profile of its own, which nothing of any other is in. */
export interface Browser extends AsyncDisposable {
  readonly context: BrowserContext;
}

export async function startChromium(): Promise<Browser> {
  const profile = mkdtempSync(join(tmpdir(), 'joules-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    acceptDownloads: true,
  });
  return {
    context,
    async [Symbol.asyncDispose]() {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/** What went wrong in a page, and what it asked for. */
export interface Watched {
  readonly page: Page;
  /** Errors of scripts, violations of the content security policy, and what else the console warns of. */
  readonly complaints: string[];
  readonly requests: string[];
}

export async function openPage(
  context: BrowserContext,
  size = { width: 1280, height: 900 },
): Promise<Watched> {
  const page = await context.newPage();
  await page.setViewportSize(size);
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('request', (request) => requests.push(request.url()));
  return { page, complaints, requests };
}

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What axe-core finds wrong with a page, in words. */
export async function axe(page: Page): Promise<string[]> {
  // In a world of its own: the page's policy would not let it in, and stays as it is.
  const session = await page.context().newCDPSession(page);
  const { frameTree } = await session.send('Page.getFrameTree');
  const { executionContextId: contextId } = await session.send('Page.createIsolatedWorld', {
    frameId: frameTree.frame.id,
    worldName: 'axe',
  });
  await session.send('Runtime.evaluate', { expression: AXE, contextId });
  const { result } = await session.send('Runtime.evaluate', {
    expression: `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }).then((found) =>
      JSON.stringify(found.violations.map(({ id, help, nodes }) =>
        id + ': ' + help + ': ' + nodes.slice(0, 3).map(({ html }) => html.slice(0, 160)).join(' ; '))))`,
    contextId,
    awaitPromise: true,
  });
  await session.detach();
  return JSON.parse(String(result.value)) as string[];
}
