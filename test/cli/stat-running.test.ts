// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { RunningStat } from '../../src/cli/measure-running.ts';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { joules, type Running, snapshots, startJoules } from '../support/joules.ts';
import { describeOnKernel, Load, TSC, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const stat = (...args: string[]): ReturnType<typeof joules> => joules(['stat', '--source', TSC, ...args]);

function measured(...args: string[]): RunningStat {
  const run = stat('--json', ...args);
  expect(run).toMatchObject({ status: 0, stderr: '' });
  return JSON.parse(run.stdout) as RunningStat;
}

/** What the counters of one CPU count in a second, J. */
function tscRate(): number {
  const [snapshot] = snapshots(joules(['top', '--json', '--source', TSC, '--count', '1']).stdout);
  const { totals, interval_s, cores } = snapshot!;
  return totals.counter_j / interval_s / cores.flatMap((core) => core.cpus).length;
}

/** The Joules are those of the CPU time, which the clock that counts them runs by, and on while a hypervisor has the CPU. */
function expectOfItsTime({ energy_j, cpu_time_s }: RunningStat): void {
  expect(cpu_time_s).toBeGreaterThan(0.01);
  const ratio = energy_j / cpu_time_s / tscRate();
  expect(ratio).toBeGreaterThan(0.9);
  expect(ratio).toBeLessThan(1.5);
}

/** It gives up privileges when it has opened all that it needs, and is going to measure. */
async function begun({ child }: Running): Promise<void> {
  await waitFor('it to measure', () =>
    readFileSync(`/proc/${child.pid}/status`, 'utf8').includes('NoNewPrivs:\t1') ? true : undefined,
  );
}

function children(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

describeOnKernel('joules stat of processes that run', () => {
  it('charges them with the descendants that they have and will have, and nobody else, until the time is up', async () => {
    await using load = new Load();
    load.spin();
    // One child spins, another one begins small ones all the time.
    const pid = load.start('sh', '-c', 'while :; do :; done & while :; do sh -c ":"; done');
    await waitFor('its children', () => (children(pid).length > 0 ? true : undefined));
    const result = measured('-p', String(pid), '--timeout', '2');
    expect(result).toMatchObject({ schema: 'joules.stat/1', target: { pids: [pid] }, until: 'timeout' });
    expect(result.elapsed_s).toBeGreaterThan(2);
    expect(result.processes).toBeGreaterThan(4);
    expectOfItsTime(result);
    // The other load is in the machine's figure, not in theirs.
    expect(result.machine_j - result.energy_j - result.idle_j).toBeGreaterThan(result.machine_j * 0.05);
  });

  it('ends with the last of them', async () => {
    await using load = new Load();
    const [first, second] = [load.start('sleep', '0.5'), load.start('sleep', '3')];
    const result = measured('-p', `${first},${second}`, '--timeout', '120');
    expect(result.until).toBe('end');
    expect(result.target).toEqual({ pids: [first, second] });
  });

  it('takes one whose parent does not ask for its status for ended', async () => {
    await using load = new Load();
    const parent = load.start('sh', '-c', 'sleep 2 & exec sleep 300');
    const [pid] = await waitFor('the child', () =>
      children(parent).length > 0 ? children(parent) : undefined,
    );
    expect(measured('-p', String(pid), '--timeout', '120').until).toBe('end');
    expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(' Z ');
  });

  it('ends at SIGINT with a result and status 0', async () => {
    const output = join(temporaryDirectory(), 'result.json');
    await using run = startJoules(['stat', '--source', TSC, '-p', String(process.pid), '--output', output]);
    await begun(run);
    expect((await run.stop('SIGINT')).status).toBe(0);
    expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({
      until: 'signal',
      target: { pids: [process.pid] },
    });
    expect(run.output().stderr).toMatch(
      new RegExp(`^ Energy of process ${process.pid} until interrupted:$`, 'm'),
    );
  });

  it('says that there is no such process, and measures nothing', () => {
    expect(stat('-p', '4194304')).toEqual({
      status: 2,
      stdout: '',
      stderr: 'joules: there is no process 4194304: it may have ended, see ps -e\n',
    });
  });
});

const ID = 'e57a7'.padEnd(64, '0');
const SIBLING = 'e57a7'.padEnd(64, '1');

describeOnKernel('joules stat of a cgroup that runs', () => {
  const { mount } = findHierarchy('/proc');
  const outer = join(mount!, `joules-stat-${process.pid}`);
  const container = join(outer, `docker-${ID}.scope`);
  const sibling = join(outer, `docker-${SIBLING}.scope`);
  beforeEach(() => [outer, container, sibling].forEach((path) => mkdirSync(path)));
  afterEach(async () => {
    for (const path of [sibling, container, outer])
      await waitFor('the cgroup to be empty', () => {
        try {
          rmdirSync(path);
        } catch (error) {
          return (error as NodeJS.ErrnoException).code === 'ENOENT' ? true : undefined;
        }
        return true;
      });
  });

  it('charges it with those below it, and ends when it is removed', async () => {
    await using load = new Load();
    const pid = load.spin();
    load.spin();
    writeFileSync(join(container, 'cgroup.procs'), String(pid));
    const below = measured('--cgroup', outer, '--timeout', '1');
    expect(below).toMatchObject({
      target: { cgroup: `/${basename(outer)}` },
      until: 'timeout',
      processes: 1,
    });
    expectOfItsTime(below);
    const beside = measured('--cgroup', `/${basename(outer)}/${basename(sibling)}/`, '--timeout', '0.5');
    expect(beside).toMatchObject({ energy_j: 0, processes: 0 });

    await using run = startJoules([
      'stat',
      '--source',
      TSC,
      '--json',
      '--cgroup',
      sibling,
      '--timeout',
      '120',
    ]);
    await begun(run);
    rmdirSync(sibling);
    await waitFor('the result', () => run.output().stdout || undefined);
    expect(JSON.parse(run.output().stdout)).toMatchObject({ until: 'end' });
  });

  it('finds a container by how its id begins, if that is the beginning of one alone', async () => {
    await using load = new Load();
    writeFileSync(join(container, 'cgroup.procs'), String(load.spin()));
    const result = measured('--container', ID.slice(0, 12), '--timeout', '1');
    expect(result.target).toEqual({ container: ID });
    expectOfItsTime(result);
    expect(stat('--container', 'e57a7')).toMatchObject({
      status: 2,
      stderr: `joules: 2 containers begin with "e57a7": say more of one of ${ID}, ${SIBLING}\n`,
    });
    expect(stat('--container', 'e57a7f').stderr).toBe(
      'joules: there is no container whose id begins with "e57a7f": see joules top --by container for those that use energy\n',
    );
    expect(stat('--cgroup', '/nowhere').stderr).toMatch(
      /^joules: there is no cgroup "\/nowhere": name it as .*\n$/,
    );
  });
});
