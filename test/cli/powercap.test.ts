// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { sum } from '../../src/util/sum.ts';
import { joules, printed, startJoules } from '../support/joules.ts';
import { describeOnKernel, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** This machine, but for a package and its memory in powercap. */
function machineWithPowercap(): { root: string; write: (zone: string, microjoules: number) => void } {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'sys/class'), { recursive: true });
  symlinkSync('/proc', join(root, 'proc'));
  for (const name of ['kernel', 'devices', 'fs', 'bus']) symlinkSync(`/sys/${name}`, join(root, 'sys', name));
  // In one piece, as the kernel's file changes: never empty in between.
  const write = (zone: string, microjoules: number, flag = 'r+'): void =>
    writeFileSync(
      join(root, 'sys/class/powercap', zone, 'energy_uj'),
      `${String(microjoules).padStart(12, '0')}\n`,
      { flag },
    );
  for (const [zone, name] of [
    ['intel-rapl:0', 'package-0'],
    ['intel-rapl:0:0', 'dram'],
  ] as const) {
    const path = join(root, 'sys/class/powercap', zone);
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'name'), `${name}\n`);
    writeFileSync(join(path, 'max_energy_range_uj'), '262143328850\n');
    write(zone, 262_143_000_000, 'w');
  }
  return { root, write };
}

describeOnKernel('joules with powercap', () => {
  it('charges what the package counted, over the end of its range too, and lists memory beside it', async () => {
    const { root, write } = machineWithPowercap();
    await using run = startJoules([
      'top',
      '--json',
      '--source',
      'powercap',
      '--root',
      root,
      '--interval',
      '0.2',
    ]);
    // Nothing is known of a counter that has not moved yet.
    const first = await waitFor('a snapshot', () => printed(run)[0]);
    expect(first).toMatchObject({ zones: [], domains: [], totals: { counter_j: 0 } });
    write('intel-rapl:0', 2_000_000);
    write('intel-rapl:0:0', 262_143_250_000);
    const taken = await waitFor('the energy', () => {
      const all = printed(run);
      return all.some(({ domains }) => domains.length > 0) && all.at(-1)!.zones.length > 0 ? all : undefined;
    });
    expect(sum(taken.map(({ totals }) => totals.counter_j))).toBeCloseTo(2.328851, 9);
    expect(sum(taken.flatMap(({ domains }) => domains.map((one) => one.counter_j)))).toBeCloseTo(0.25, 9);
    for (const { totals, source } of taken) {
      const { counter_j, process_j, idle_j, unattributed_j } = totals;
      expect(process_j + idle_j + unattributed_j).toBeCloseTo(counter_j, 9);
      expect(source).toMatchObject({ name: 'powercap', kind: 'apportioned', scope: 'package' });
    }
    await run.stop('SIGINT');
  });

  it('tells of a command no figure while no counter has moved, and one as soon as it does', async () => {
    const { root, write } = machineWithPowercap();
    const stat = ['stat', '--json', '--source', 'powercap', '--root', root, '--', 'true'];
    const still = joules(stat);
    expect(still.stdout).toBe('');
    expect(still.stderr).toMatch(/^joules: no result: no counter has moved meanwhile[^\n]*\n$/);
    expect(still.status).toBe(0);
    await using run = startJoules(stat);
    for (let moves = 1; run.child.exitCode === null; moves++) {
      write('intel-rapl:0', moves * 1_000_000);
      await sleep(300);
    }
    await run.ended;
    expect((JSON.parse(run.output().stdout) as { machine_j: number }).machine_j).toBeGreaterThan(0);
  });

  it('has no interval of 0 J beside one of twice as much where the counter moves rarely, as a hypervisor’s does', async () => {
    const { root, write } = machineWithPowercap();
    const options = ['--source', 'powercap', '--root', root, '--interval', '0.2'];
    await using run = startJoules(['top', '--json', ...options]);
    await waitFor('a snapshot', () => printed(run)[0]);
    let counted: Snapshot[] = [];
    for (let moves = 1; counted.length < 4; moves++) {
      write('intel-rapl:0', moves * 1_000_000);
      await sleep(700);
      counted = printed(run).filter(({ zones }) => zones.length > 0);
    }
    expect(counted.map(({ totals }) => totals.counter_j).filter((one) => one === 0)).toEqual([]);
    // Nobody waits for one that stands still for good.
    await waitFor('its zero', () => printed(run).find(({ zones }) => zones[0]?.counter_j === 0));
    await run.stop('SIGINT');
  });
});
