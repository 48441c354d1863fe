// SPDX-License-Identifier: Apache-2.0
// `npm run pictures` makes the README's pictures of the page and of `joules top` anew, of recorded figures.
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { browser, recording, stage } from './stage.mjs';
import { topPage } from './top-picture.mjs';

const DIRECTORY = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
/** The recording's end, where its work is over, is left out. */
const SNAPSHOTS = 183;
const SIZE = { width: 1200, height: 880 };
const TERMINAL = { width: 120, height: 28 };

mkdirSync(DIRECTORY, { recursive: true });
const staged = await stage(recording().slice(0, SNAPSHOTS), { host: 'build-3' });
const { context, close } = await browser();
for (const colorScheme of ['light', 'dark']) {
  const page = await context.newPage();
  await page.setViewportSize(SIZE);
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
  await page.goto(staged.origin);
  await page.waitForSelector('#state.live');
  await page.waitForSelector('.row:visible .watts b');
  // Until all that is drawn later is.
  await page.waitForTimeout(1000);
  const path = `${DIRECTORY}page-${colorScheme}.png`;
  await page.screenshot({ path });
  console.log(`docs/pictures/page-${colorScheme}.png, ${Math.round(statSync(path).size / 1024)} kB`);
  await page.close();
}
const page = await context.newPage();
await page.setContent(topPage(recording().slice(0, SNAPSHOTS), TERMINAL, { view: 'cgroup' }));
const path = `${DIRECTORY}top.png`;
await page.locator('pre').screenshot({ path });
console.log(`docs/pictures/top.png, ${Math.round(statSync(path).size / 1024)} kB`);
await close();
await staged.close();
