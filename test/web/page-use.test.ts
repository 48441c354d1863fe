// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { axe, describeInChromium } from '../support/chromium.ts';
import {
  inUnits,
  meanWatts,
  recentRecording,
  rowsOf,
  settled,
  setUpPageStage,
  textOf,
} from '../support/page-stage.ts';

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

describeInChromium('who uses the page in Chromium', () => {
  const stage = setUpPageStage();
  const snapshots = recentRecording();

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 390],
    ['dark', 390],
    ['light', 1920],
  ] as const)(
    'has no fault that axe finds, and nothing too wide, %s at %d px',
    async (colorScheme, width) => {
      await stage.start(snapshots.slice(0, 180));
      const { page } = await stage.look('', { width, height: width === 390 ? 844 : 900 });
      await page.emulateMedia({ colorScheme });
      await settled(page);
      expect(await axe(page)).toEqual([]);
      await page.evaluate(
        (span) => (location.hash = `span=${span}&find=node`),
        `${Date.now() - 90_000}-${Date.now() - 60_000}`,
      );
      await page.waitForSelector('.limit');
      expect(await axe(page)).toEqual([]);
      expect(
        await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
      ).toBeLessThanOrEqual(0);
    },
  );

  it('is not too wide when the connection is lost', async () => {
    await stage.start(snapshots.slice(0, 100));
    const { page } = await stage.look('', { width: 390, height: 844 });
    await settled(page);
    stage.live.close();
    await stage.server.close();
    await page.waitForSelector('#state.lost');
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    expect(await axe(page)).toEqual([]);
  });

  it('has no fault that axe finds in its help and while it waits', async () => {
    await stage.start([]);
    const { page } = await stage.look();
    await page.waitForSelector('#empty:visible');
    expect(await axe(page)).toEqual([]);
    await page.keyboard.press('?');
    await page.waitForSelector('#help[open]');
    expect(await axe(page)).toEqual([]);
  });

  it('moves everything by a span that is brushed, and back', async () => {
    await stage.start(snapshots.slice(0, 180));
    const { page } = await stage.look('#window=900');
    await settled(page);
    const before = {
      watts: await textOf(page, '#watts'),
      rows: await rowsOf(page),
      boxes: await textOf(page, '#icicle'),
      legend: await textOf(page, '#legend'),
    };
    const over = (await page.locator('#chart .u-over').boundingBox())!;
    await page.mouse.move(over.x + over.width * 0.3, over.y + 50);
    await page.mouse.down();
    await page.mouse.move(over.x + over.width * 0.5, over.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.waitForSelector('.limit');
    const [, from, to] = /span=(\d+)-(\d+)/.exec(page.url())!.map(Number);
    // The edges are moved to where rows begin and end, by 5 s at most on each side.
    const inSpan = snapshots
      .slice(0, 180)
      .filter(({ time }) => Date.parse(time) > from! - 6000 && Date.parse(time) <= to! + 6000);
    expect(inUnits(await textOf(page, '#watts'))).toBeCloseTo(meanWatts(inSpan), 1);
    const after = {
      rows: await rowsOf(page),
      boxes: await textOf(page, '#icicle'),
      legend: await textOf(page, '#legend'),
    };
    expect(after.rows).not.toEqual(before.rows);
    expect(after.boxes).not.toBe(before.boxes);
    expect(after.legend).not.toBe(before.legend);
    expect((await page.locator('.u-select').boundingBox())!.width).toBeGreaterThan(over.width * 0.15);
    const shown = await textOf(page, '#limits');
    stage.live.add(snapshots[180]!);
    await page.waitForTimeout(200);
    expect(await textOf(page, '#limits')).toBe(shown);
    await page.keyboard.press('Escape');
    await page.waitForSelector('.limit', { state: 'detached' });
    expect(page.url()).not.toContain('span');
  });

  it('shows the processes of a container that is clicked, in box, key and row', async () => {
    await stage.start(snapshots.slice(0, 180));
    const { page } = await stage.look();
    await settled(page);
    const inDocker = async (): Promise<boolean> =>
      (await page.locator('.row:visible .where span').allTextContents()).every(
        (one) => one === '44575cf5b285',
      );
    await page.click('.box.group:has-text("4457")');
    await page.waitForSelector('.limit:has-text("44575cf5b285")');
    expect(await inDocker()).toBe(true);
    expect(await page.locator('.row:visible', { hasText: 'cc1' }).count()).toBeGreaterThan(0);
    await page.click('.limit');
    await page.waitForSelector('.limit', { state: 'detached' });
    await page.click('.key:has-text("44575")');
    await page.waitForSelector('.limit');
    expect(await inDocker()).toBe(true);
    await page.click('.limit');
    await page.keyboard.press('c');
    await page.click('.row-name:has-text("44575")');
    await page.waitForSelector('#grid[data-by=process]');
    expect(await inDocker()).toBe(true);
  });

  it('shows a colleague the same by its address', async () => {
    await stage.start(snapshots.slice(0, 180));
    const { page } = await stage.look();
    await settled(page);
    await page.keyboard.press('x');
    await page.keyboard.press('5');
    await page.fill('#find', 'node');
    await page.click('.head .cpu button');
    await page.locator('#chart').focus();
    await page.keyboard.press('ArrowLeft');
    await page.waitForSelector('.limit >> nth=1');
    const { page: other } = await stage.look(new URL(page.url()).hash);
    await other.waitForSelector('.limit >> nth=1');
    await settled(other);
    expect(await rowsOf(other)).toEqual(await rowsOf(page));
    expect(await textOf(other, '#watts')).toBe(await textOf(page, '#watts'));
    expect(await textOf(other, '#limits')).toBe(await textOf(page, '#limits'));
    expect(await other.getAttribute('#window [data-value="300"]', 'aria-pressed')).toBe('true');
    expect(await other.getAttribute('.head .cpu', 'aria-sort')).toBe('descending');
  });

  it('takes an address that is none for the whole of now', async () => {
    await stage.start(snapshots.slice(0, 100));
    const { page, complaints } = await stage.look(
      '#window=7&by=nobody&span=9-x&sort=%00&zoom=%2Fnone&find=%E0%A4%A',
    );
    await page.waitForSelector('#state.live');
    expect(await page.getAttribute('#window [data-value="900"]', 'aria-pressed')).toBe('true');
    expect(complaints).toEqual([]);
  });

  it('saves what is shown as JSON and as CSV', async () => {
    await stage.start(snapshots.slice(0, 180));
    const { page } = await stage.look('#by=program');
    await settled(page);
    const saved = async (id: string): Promise<string> => {
      const [download] = await Promise.all([page.waitForEvent('download'), page.click(id)]);
      expect(download.suggestedFilename()).toMatch(/^joules-node-7-[\dT-]+Z\.(json|csv)$/);
      return readFileSync(await download.path(), 'utf8');
    };
    const json = JSON.parse(await saved('#save-json')) as {
      schema: string;
      totals: Record<string, number>;
      rows: { name: string; energy_j: number }[];
    };
    expect(json).toMatchObject({ schema: 'joules.page/1', source: { kind: 'estimated' }, by: 'program' });
    const last = snapshots.slice(175, 180);
    expect(json.totals['counter_j']).toBeCloseTo(sum(last.map(({ totals }) => totals.counter_j)), 4);
    expect(sum(json.rows.map(({ energy_j }) => energy_j))).toBeCloseTo(json.totals['process_j']!, 6);
    const csv = (await saved('#save-csv')).trimEnd().split('\r\n');
    expect(csv[0]).toBe('host,from,to,kind,name,energy_j,energy_err_j,power_w,cpu_time_s,processes,ended');
    expect(csv).toHaveLength(json.rows.length + 1);
  });

  it('can be used with the keyboard alone', async () => {
    await stage.start(snapshots.slice(0, 180));
    const { page } = await stage.look();
    await settled(page);
    const focused = (): Promise<string> =>
      page.evaluate(() => document.activeElement?.className || (document.activeElement?.id ?? ''));
    // Each part is a stop or two, whatever is in it.
    const stops: string[] = [];
    for (let i = 0; i < 30; i++) {
      await page.keyboard.press('Tab');
      stops.push(await focused());
    }
    expect(stops.filter((one) => one.startsWith('box'))).toHaveLength(1);
    expect(stops.filter((one) => one.startsWith('key '))).toHaveLength(1);
    expect(stops).toEqual(expect.arrayContaining(['chart', 'find', 'grid']));
    await page.locator('.box.machine').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    expect(await focused()).toMatch(/^box/);
    await page.keyboard.press('Enter');
    await page.waitForSelector('.limit');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.limit', { state: 'detached' });
    await page.locator('#grid').focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowDown');
    expect(await focused()).toBe('row-name');
    await page.keyboard.press('/');
    await page.keyboard.type('sim');
    await page.waitForSelector('.limit:has-text("sim")');
    expect(await page.locator('.row:visible').count()).toBeGreaterThan(0);
  });
});
