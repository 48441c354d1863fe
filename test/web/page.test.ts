// SPDX-License-Identifier: Apache-2.0
import { describeInChromium } from '../support/chromium.ts';
import { waitFor } from '../support/kernel.ts';
import {
  inUnits,
  meanWatts,
  recentRecording,
  rowsOf,
  settled,
  setUpPageStage,
  showsWatts,
  textOf,
} from '../support/page-stage.ts';

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

describeInChromium('the page in Chromium', () => {
  const stage = setUpPageStage();
  const snapshots = recentRecording();

  it('runs under its policy, asks nobody else, and complains of nothing', async () => {
    await stage.start(snapshots.slice(0, 180));
    const { page, complaints, requests } = await stage.look();
    await settled(page);
    for (const key of ['p', 'x', 'c', '1', '5', '0', 't', 't', ' ', ' ']) await page.keyboard.press(key);
    stage.live.add(snapshots[180]!);
    await page.click('.box.group >> nth=0');
    await page.waitForSelector('#limits:visible');
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(stage.server.origin))).toEqual([]);
  });

  it('shows what the snapshots have: watts, ledger, rows', async () => {
    await stage.start(snapshots.slice(0, 180));
    const { page } = await stage.look();
    await settled(page);
    const last = snapshots.slice(175, 180);
    expect(inUnits(await textOf(page, '#watts'))).toBeCloseTo(meanWatts(last), 1);
    const [processes] = await page.locator('#ledger b').allTextContents();
    const ms = sum(last.map(({ interval_s }) => interval_s));
    expect(inUnits(processes!)).toBeCloseTo(sum(last.map(({ totals }) => totals.process_j)) / ms, 1);
    // All that is shown of now adds up to the ledger.
    await page.keyboard.press('c');
    await page.waitForSelector('#grid[data-by=container]');
    const each = await page.locator('.row:visible .cell.watts b').allTextContents();
    const shown = sum(each.filter((one) => /\d/.test(one) && !one.includes('<')).map(inUnits));
    expect(Math.abs(shown - inUnits(processes!))).toBeLessThan(0.02);
    const byOwner = last
      .flatMap(({ cgroups }) => cgroups)
      .filter(({ path }) => path.startsWith('/docker/44575'));
    const docker = (await rowsOf(page)).find((row) => row.includes('44575cf5b285'))!;
    expect(inUnits(docker)).toBeCloseTo(sum(byOwner.map(({ energy_j }) => energy_j)) / ms, 2);
  });

  it('goes on with each frame', async () => {
    await stage.start(snapshots.slice(0, 150));
    const { page } = await stage.look();
    await settled(page);
    const last = snapshots.slice(185, 190);
    for (const snapshot of snapshots.slice(150, 190)) {
      stage.live.add(snapshot);
      await page.waitForTimeout(5);
    }
    await showsWatts(page, meanWatts(last));
    expect(await textOf(page, '#state')).toContain('live');
  });

  it('says that the connection is lost, keeps what it has, and goes on with the agent that comes back', async () => {
    await stage.start(snapshots.slice(0, 150));
    const { page } = await stage.look();
    await settled(page);
    const port = Number(new URL(stage.server.origin).port);
    await stage.stop();
    await page.waitForSelector('#state.lost');
    expect(await textOf(page, '#state')).toContain('no connection: as of');
    expect(inUnits(await textOf(page, '#watts'))).toBeCloseTo(meanWatts(snapshots.slice(145, 150)), 1);
    await stage.start(snapshots.slice(160, 175), 'estimated', port);
    await page.waitForSelector('#state.live');
    await showsWatts(page, meanWatts(snapshots.slice(170, 175)));
    // All that was measured before and after, nothing twice.
    const from = Date.parse(snapshots[0]!.time) - 2000;
    await page.evaluate(
      (span) => (location.hash = `span=${span}&by=program&find=cc1`),
      `${from}-${Date.now()}`,
    );
    await page.waitForSelector('.limit');
    const both = [...snapshots.slice(0, 150), ...snapshots.slice(160, 175)];
    await page.waitForFunction(() => document.querySelector('.row .joules')?.textContent !== '');
    const joules = sum(
      both.flatMap(({ processes }) =>
        processes.filter(({ executable }) => executable === 'cc1').map(({ energy_j }) => energy_j),
      ),
    );
    const row = page.locator('.row:visible', { hasText: /cc1(?!plus)/ }).first();
    expect(inUnits((await row.locator('.joules').textContent())!)).toBeCloseTo(joules, 0);
  });

  it.each(['measured', 'apportioned', 'estimated'] as const)(
    'always says what kind its figures are: %s',
    async (kind) => {
      const some = snapshots.slice(0, 30).map((one) => ({
        ...one,
        processes: one.processes.map((process) => ({
          ...process,
          energy_err_j: kind === 'measured' ? process.energy_j * 0.1 : null,
        })),
      }));
      await stage.start(some, kind);
      const { page } = await stage.look();
      await settled(page);
      await page.mouse.wheel(0, 5000);
      expect(await page.locator('#kind').textContent()).toBe(kind);
      expect(
        await page.locator('#kind').evaluate((one) => one.getBoundingClientRect().top),
      ).toBeGreaterThanOrEqual(0);
      expect(await textOf(page, '#error')).toMatch(kind === 'measured' ? /split ± \d/ : /± not known/);
      const isMarked = (await textOf(page, '#watts')).startsWith('≈');
      expect(isMarked).toBe(kind === 'estimated');
      const each = await page.locator('.row:visible .cell.watts b').allTextContents();
      expect(
        each.filter((one) => /\d/.test(one)).every((one) => one.startsWith('≈') === (kind === 'estimated')),
      ).toBe(true);
    },
  );

  it('pauses: nothing moves until it goes on', async () => {
    await stage.start(snapshots.slice(0, 170));
    const { page } = await stage.look();
    await settled(page);
    await page.click('#pause');
    await page.waitForSelector('#state.paused');
    const before = await rowsOf(page);
    for (const snapshot of snapshots.slice(170, 176)) stage.live.add(snapshot);
    await page.waitForTimeout(300);
    expect(await rowsOf(page)).toEqual(before);
    await page.click('#pause');
    await showsWatts(page, meanWatts(snapshots.slice(171, 176)));
    // Watts may be the same as before.
    await waitFor('the rows to move', async () => String(await rowsOf(page)) !== String(before) || undefined);
  });

  it('lets the agent go while it is hidden', async () => {
    await stage.start(snapshots.slice(0, 100));
    const { page } = await stage.look();
    await settled(page);
    expect(stage.live.viewers()).toBe(1);
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await waitFor('the agent to be alone', () => (stage.live.viewers() === 0 ? true : undefined));
    for (const snapshot of snapshots.slice(100, 120)) stage.live.add(snapshot);
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: false, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await showsWatts(page, meanWatts(snapshots.slice(115, 120)));
  });

  it('shows names as text, whatever is in them', async () => {
    const name = '<img src=x onerror=alert(1)>"&';
    const some = snapshots.slice(0, 20).map((one) => ({
      ...one,
      processes: one.processes.map(
        (process) =>
          ({ ...process, executable: process.pid === null ? process.executable : name }) as typeof process,
      ),
    }));
    await stage.start(some);
    const { page, complaints } = await stage.look('#by=program');
    await settled(page);
    expect((await rowsOf(page))[0]).toContain(name);
    expect(await page.locator('#grid img').count()).toBe(0);
    expect(complaints).toEqual([]);
  });
});
