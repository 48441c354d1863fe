// SPDX-License-Identifier: Apache-2.0
import { chownSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { describeWithPeers, openDirectory, run, startAgent } from '../support/attached.ts';
import { JOULES, printed, type Run, type Running, snapshots } from '../support/joules.ts';
import { Load, waitFor } from '../support/kernel.ts';
import { asNobody } from '../support/privileges.ts';

jest.setTimeout(600_000);

describeWithPeers('joules --attach', () => {
  const directory = openDirectory();
  const where = ['--attach', '--socket-dir', directory];
  let agent: Running;

  beforeAll(async () => {
    agent = await startAgent(directory);
  });
  afterAll(async () => {
    await agent?.stop('SIGTERM');
  });

  const joules = (...args: string[]): Promise<Run> => run([process.execPath, JOULES, ...args]);
  const asUser = (...args: string[]): Promise<Run> =>
    run(['setpriv', ...asNobody(), process.execPath, JOULES, ...args]);

  it('shows whom the socket lets in what the agent measures, interval for interval, without privileges', async () => {
    // As if nobody were in the group.
    chownSync(join(directory, 'attach-all.sock'), 0, 65_534);
    const { status, stdout, stderr } = await asUser('top', '--json', '-n', '3', ...where);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const shown = snapshots(stdout);
    expect(shown).toHaveLength(3);
    const last = shown.at(-1)!;
    await waitFor('the same of the agent', () =>
      printed(agent).some(({ time }) => time >= last.time) ? true : undefined,
    );
    const same = printed(agent).filter(({ time }) => time >= shown[0]!.time && time <= last.time);
    expect(shown.map(({ time, totals, processes }) => [time, totals, processes])).toEqual(
      same.map(({ time, totals, processes }) => [time, totals, processes]),
    );
  });

  it('tells in one line why it shows nothing', async () => {
    chownSync(join(directory, 'attach-all.sock'), 0, 0);
    const told = await Promise.all([
      asUser('top', '--json', '-n', '1', ...where),
      joules('top', '--json', '-n', '1', '--attach', '--socket-dir', '/nonexistent'),
      joules('top', '--interval', '5', ...where),
      joules('stat', ...where, 'true'),
      joules('top', '--attach', '--socket-dir', 'none'),
    ]);
    expect(
      told.map(({ status, stdout, stderr }) => [status, stdout, stderr.trimEnd().split('\n').length]),
    ).toEqual([
      [3, '', 1],
      [3, '', 1],
      [2, '', 1],
      [2, '', 1],
      [2, '', 1],
    ]);
    expect(told[0].stderr).toMatch(/attach-all\.sock may not be opened \(EACCES\): join the group/);
    expect(told[1].stderr).toMatch(/is not there: start `joules agent`/);
    expect(told[2].stderr).toMatch(/--attach shows what the agent measures: leave out --interval/);
    expect(told[3].stderr).toMatch(/--cgroup or --container/);
  });

  it('adds up what a cgroup uses, of what the agent measures', async () => {
    await using load = new Load();
    const path = join(findHierarchy('/proc', '/').mount!, `joules-attach-${process.pid}`);
    mkdirSync(path);
    try {
      writeFileSync(join(path, 'cgroup.procs'), String(load.spin()));
      const { status, stdout, stderr } = await joules(
        'stat',
        '--json',
        '--timeout',
        '3',
        '--cgroup',
        path,
        ...where,
      );
      expect(stderr).toBe('');
      expect(status).toBe(0);
      const result = JSON.parse(stdout) as Record<string, number> & { readonly until: string };
      expect(result.until).toBe('timeout');
      expect(result['energy_j']).toBeGreaterThan(0);
      expect(result['energy_j']).toBeLessThanOrEqual(result['machine_j']! * (1 + 1e-9));
      expect(result['processes']).toBe(1);
      // Whole intervals of the agent, of a second each.
      expect(result['machine_s']).toBeGreaterThan(2);
      const { totals } = printed(agent).at(-1)!;
      expect(totals.counter_j).toBeGreaterThan(0);
    } finally {
      await load[Symbol.asyncDispose]();
      await waitFor('the end of a cgroup', () => {
        try {
          rmdirSync(path);
          return true;
        } catch {
          return undefined;
        }
      });
    }
  });
});
