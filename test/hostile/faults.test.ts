// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openMeter } from '../../src/meter.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { bpftool, descriptors, heldIds } from '../support/held.ts';
import { printed, startJoules, type Running } from '../support/joules.ts';
import { describeOnKernel, Load, TSC, waitFor } from '../support/kernel.ts';
import { residentMb } from '../support/resident.ts';

/** `npm run test:hostile` takes its time. */
const LONG = process.env['JOULES_HOSTILE'] === 'long';

function expectClosed({ totals }: Snapshot): void {
  const { process_j, idle_j, unattributed_j, counter_j } = totals;
  expect(counter_j).toBeGreaterThan(0);
  expect(Math.abs(process_j + idle_j + unattributed_j - counter_j)).toBeLessThan(counter_j * 1e-6);
}

const agent = (...more: string[]): Running =>
  startJoules(['agent', '--json', '--source', TSC, ...more], { OTEL_METRICS_EXPORTER: 'none' });

/** A machine that others use as well may take minutes for five agents. */
const LONGEST_MS = 900_000;

const reached = (running: Running, count: number): Promise<Snapshot[]> =>
  waitFor(
    `${count} lines`,
    () => {
      const all = printed(running);
      return all.length >= count ? all : undefined;
    },
    LONGEST_MS,
  );

/** Ids of the programs, maps and links that are in the kernel, of whatever process. */
function inKernel(): Set<string> {
  const ids = (kind: string): string[] =>
    (bpftool(kind, 'show') as { readonly id: number }[]).map(({ id }) => `${kind} ${id}`);
  return new Set(['prog', 'map', 'link'].flatMap(ids));
}

describeOnKernel('an agent', () => {
  it('that is killed leaves nothing in the kernel', async () => {
    const running = agent();
    await reached(running, 1);
    const held = heldBy(running.child.pid!);
    expect(held.length).toBeGreaterThan(10);
    await running.stop('SIGKILL');
    // Some are freed when nobody can see them any more, and those are counted up.
    await waitFor('the kernel to have freed all', () => {
      const now = inKernel();
      return held.some((id) => now.has(id)) ? undefined : true;
    });
  });

  it('that is stopped and goes on covers the time, closes, and has nothing to say of it', async () => {
    await using running = agent();
    const before = (await reached(running, 2)).length;
    const { stderr } = running.output();
    running.child.kill('SIGSTOP');
    await sleep(LONG ? 30_000 : 5_000);
    running.child.kill('SIGCONT');
    const all = await reached(running, before + 4);
    all.forEach(expectClosed);
    expect(Math.max(...all.map(({ interval_s }) => interval_s))).toBeGreaterThan(LONG ? 29 : 4);
    expect(all.every(({ self }) => self.lost === 0)).toBe(true);
    expect(running.output().stderr).toBe(stderr);
  });

  it.each([2, 5])(
    'of %i that run at a time sees the same as each other one',
    async (count) => {
      await using load = new Load();
      load.spin();
      const all = Array.from({ length: count }, () => agent());
      try {
        for (const running of all) {
          const own = await reached(running, 4);
          own.forEach(expectClosed);
          // What a CPU counts is known: from the second line on nobody else's start is in it.
          const watts = own.slice(1).map(({ totals, interval_s, cores }) => {
            return totals.counter_j / interval_s / cores.length;
          });
          const known = watts[0]!;
          for (const one of watts) expect(Math.abs(one / known - 1)).toBeLessThan(0.05);
        }
      } finally {
        await Promise.all(all.map((running) => running.stop('SIGKILL')));
      }
    },
    LONGEST_MS,
  );

  it(
    'whose tables are full loses detail, and no Joule',
    async () => {
      await using load = new Load();
      load.stress('--fork', '1');
      await using meter = await openMeter({ source: TSC, maxTasks: 3 });
      // On a busy machine it takes longer until there are more processes than a table has rows.
      for (let lost = 0, ms = 2000; lost === 0; ms *= 2) {
        await sleep(ms);
        const crowded = await meter.snapshot();
        expectClosed(crowded);
        ({ lost } = crowded.self);
      }
    },
    LONGEST_MS,
  );

  it('in an application that keeps the event loop for seconds covers them, and closes', async () => {
    await using meter = await openMeter({ source: TSC });
    await meter.snapshot();
    const end = performance.now() + 5000;
    while (performance.now() < end);
    const blocked = await meter.snapshot();
    expect(blocked.interval_s).toBeGreaterThan(4.9);
    expectClosed(blocked);
    expect(blocked.self.lost).toBe(0);
  });

  it('that is opened and closed again and again holds no more than after the tenth time', async () => {
    const times = LONG ? 1000 : 40;
    const held = (): object => ({
      descriptors: descriptors().size,
      maps: heldIds('map').length,
      programs: heldIds('prog').length,
      links: heldIds('link').length,
    });
    let tenth: object | undefined;
    let tenthMb = 0;
    const startMs = performance.now();
    for (let i = 1; i <= times; i++) {
      const meter = await openMeter({ source: TSC });
      await meter.snapshot();
      await meter.close();
      if (i !== 10) continue;
      tenth = held();
      tenthMb = residentMb(process.pid);
    }
    const last = held();
    const lastMb = residentMb(process.pid);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
    const told = [tenth, last].map((one) => Object.values(one ?? {}).join(', '));
    process.stderr.write(
      `opened and closed ${times} times in ${seconds} s: descriptors, maps, programs, links ${told[0]} after the tenth, ` +
        `${told[1]} after the last, resident ${tenthMb.toFixed(1)} MB and ${lastMb.toFixed(1)} MB\n`,
    );
    expect(last).toEqual(tenth);
    // What one opening needs is some MB: a hundredth of that in each would show.
    expect(lastMb - tenthMb).toBeLessThan(64);
  }, 3_600_000);
});

/** The programs, maps and links that a process holds, by the kernel's ids. */
function heldBy(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fdinfo`).flatMap((fd) => {
    const found = /^(prog|map|link)_id:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'));
    return found ? [`${found[1]} ${found[2]}`] : [];
  });
}
