// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { joules, JOULES, printed, type Run, snapshots, startJoules } from '../support/joules.ts';
import { describeOnKernel, Load, TSC, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const sum = (values: readonly { energy_j: number }[]): number =>
  values.reduce((total, { energy_j }) => total + energy_j, 0);

function expectClosed({ totals, processes, cgroups }: Snapshot): void {
  const { counter_j, process_j, idle_j, unattributed_j } = totals;
  expect(Math.abs(process_j + idle_j + unattributed_j - counter_j)).toBeLessThan(counter_j * 1e-6);
  expect(Math.abs(sum(processes) - process_j)).toBeLessThan(counter_j * 1e-6);
  expect(Math.abs(sum(cgroups) - process_j)).toBeLessThan(counter_j * 1e-6);
}

describeOnKernel('joules top', () => {
  it('names containers if asked to, by what their runtime keeps below --root', async () => {
    const fixtures = join(__dirname, '../fixtures/containers');
    const { mount } = findHierarchy('/proc');
    const id = 'd0'.repeat(32);
    const cgroup = join(mount!, `docker-${id}.scope`);
    const root = temporaryDirectory();
    for (const shared of ['proc', 'sys']) symlinkSync(`/${shared}`, join(root, shared));
    symlinkSync(join(fixtures, 'var'), join(root, 'var'));
    mkdirSync(cgroup);
    try {
      await using load = new Load();
      writeFileSync(join(cgroup, 'cgroup.procs'), String(load.spin()));
      const show = (...options: string[]): Snapshot['cgroups'][0][] =>
        snapshots(
          joules(['top', '--json', '--source', TSC, '--root', root, '--count', '2', ...options]).stdout,
        )
          .flatMap(({ cgroups }) => cgroups)
          .filter((one) => one.container_id === id);
      const names = {
        'container.name': 'web',
        'container.image.name': 'registry.example:5000/team/web',
        'container.image.tags': ['1.25'],
      };
      // From its first line on.
      expect(show('--names')).toMatchObject([{ names }, { names }]);
      expect(show().map((one) => 'names' in one)).toEqual([false, false]);
    } finally {
      rmdirSync(cgroup);
    }
  });

  it('has rows for what is included and not excluded, and all else in (other)', async () => {
    await using load = new Load();
    load.spin();
    const parent = load.start('stress-ng', '--cpu', '1', '-q', '-t', '600');
    // On a busy machine it takes a while until its worker is there.
    await waitFor(
      'stress-ng to run',
      () => readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8') || undefined,
    );
    const show = (...options: string[]): Snapshot[] =>
      snapshots(joules(['top', '--json', '--source', TSC, '--count', '2', ...options]).stdout);
    for (const snapshot of show('--include', 'stress-*', '--include', 'sh', '--exclude', 's?')) {
      expectClosed(snapshot);
      const names = snapshot.processes.map(({ executable }) => executable);
      expect(names).toEqual(expect.arrayContaining(['stress-ng', '(other)']));
      // Others on this machine may run some, too.
      expect(names.filter((name) => !/^stress-|^\(other\)$/.test(name))).toEqual([]);
      expect(snapshot.processes.filter(({ pid }) => pid === null)).toHaveLength(1);
      expect(snapshot.cgroups.some(({ path }) => path !== '(other)')).toBe(true);
      expect(snapshot.self.cpu_time_s).toBeGreaterThan(0);
    }
    for (const snapshot of show('--exclude', '/*')) {
      expectClosed(snapshot);
      // What others on this machine ran in a cgroup that is gone is not known to be excluded.
      const processes = snapshot.processes.filter(({ cgroup }) => cgroup !== '(unknown)');
      const cgroups = snapshot.cgroups.filter(({ path }) => path !== '(unknown)');
      expect(processes).toMatchObject([{ pid: null, executable: '(other)' }]);
      expect(cgroups).toMatchObject([{ path: '(other)', container_id: null }]);
      expect(cgroups[0]!.cpu_time_s).toBeGreaterThan(0);
    }
  });

  it('closes on every line and counts what perf counts, under switches, load and forks', async () => {
    await using load = new Load();
    load.stress('--fork', '1');
    const perf = spawn('perf', ['stat', '-x,', '-a', '-e', 'msr/tsc/', 'sleep', '6'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let counted = '';
    perf.stderr.on('data', (chunk: Buffer) => (counted += chunk.toString()));
    const { stdout, stderr, status } = joules(['top', '--json', '--source', TSC, '--count', '5']);
    await once(perf, 'close');
    expect([status, stderr]).toEqual([0, '']);
    const lines = snapshots(stdout);
    expect(lines).toHaveLength(5);
    for (const snapshot of lines) {
      expectClosed(snapshot);
      expect(snapshot.totals.unattributed_j).toBeLessThan(snapshot.totals.counter_j * 1e-3);
      expect(snapshot.self.lost).toBe(0);
      expect(snapshot.source).toEqual({
        name: 'perf:msr/tsc/',
        kind: 'measured',
        scope: 'cpu',
        domain: 'cpu',
        attribution: null,
      });
    }
    const ours =
      lines.reduce((total, { totals }) => total + totals.counter_j, 0) /
      lines.reduce((total, { interval_s }) => total + interval_s, 0);
    // perf's fields: counts, unit, event, ns that the event was on (summed over the CPUs), …
    const [counts, , , ns] = counted.trim().split(',') as [string, string, string, string];
    const cpus = lines[0]!.cores.flatMap((core) => core.cpus).length;
    const theirs = (Number(counts) * 1e-9) / (Number(ns) / 1e9 / cpus);
    expect(Math.abs(ours / theirs - 1)).toBeLessThan(0.005);
    // stress-ng's own processes are in, under their name; its children of a moment are marked as ended.
    const names = lines.flatMap(({ processes }) => processes);
    expect(names.some(({ executable, energy_j }) => executable === 'stress-ng' && energy_j > 0.1)).toBe(true);
    expect(names.some(({ exited }) => exited)).toBe(true);
  });

  it('prints all of a long snapshot to a reader that is slow to take it', async () => {
    await using load = new Load();
    load.start('sh', '-c', 'while :; do /bin/true; done');
    const top = `${process.execPath} ${JOULES} top --json --count 1 --source '${TSC}'`;
    let stdout = '';
    // More than a pipe holds (64 KiB): on a busy machine that takes longer.
    for (let seconds = 1; stdout.length <= 100_000; seconds *= 2) {
      const slowly = `${top} --interval ${seconds} | (sleep ${seconds + 2}; cat)`;
      ({ stdout } = spawnSync('sh', ['-c', slowly], { encoding: 'utf8', maxBuffer: 2 ** 28 }));
      expectClosed(snapshots(stdout)[0]!);
    }
  });

  it('puts what --limit cuts off into one row', () => {
    const [snapshot] = snapshots(
      joules(['top', '--json', '--source', TSC, '--count', '1', '--limit', '2']).stdout,
    );
    expectClosed(snapshot!);
    expect(snapshot!.processes).toHaveLength(3);
    expect(snapshot!.processes[2]).toMatchObject({ pid: null, executable: '(other)' });
  });

  it('says of estimates that they are', () => {
    const [snapshot] = snapshots(
      joules([
        'top',
        '--json',
        '--source',
        'estimated',
        '--watts-idle',
        '2',
        '--watts-busy',
        '10',
        '--count',
        '1',
      ]).stdout,
    );
    expectClosed(snapshot!);
    expect(snapshot!.source).toMatchObject({ name: 'estimated', kind: 'estimated' });
    const cpus = snapshot!.cores.flatMap((core) => core.cpus).length;
    const watts = snapshot!.totals.counter_j / snapshot!.interval_s;
    expect(watts).toBeGreaterThan(cpus * 1.9);
    expect(watts).toBeLessThan(cpus * 10.1);
  });

  it('splits a counter of a package by run time and says apportioned', async () => {
    await using load = new Load();
    const pid = load.spin();
    const spec = 'perf:msr/tsc/,scope=package,joules=1e-9,kind=apportioned';
    const lines = snapshots(joules(['top', '--json', '--source', spec, '--count', '2']).stdout);
    for (const snapshot of lines) {
      expectClosed(snapshot);
      expect(snapshot.source).toMatchObject({ kind: 'apportioned', scope: 'package' });
      const spinner = snapshot.processes.find((process) => process.pid === pid)!;
      const share = spinner.energy_j / snapshot.totals.counter_j;
      const cpus = snapshot.cores.flatMap((core) => core.cpus).length;
      expect(share).toBeCloseTo(spinner.cpu_time_s / snapshot.interval_s / cpus, 1);
    }
  });

  it('names a program that ended before it could be looked at, and when it began', async () => {
    await using run = startJoules(['top', '--json', '--source', TSC, '--interval', '0.7']);
    await waitFor('a first line', () => printed(run)[0]);
    const from = Date.now();
    execFileSync('sh', ['-c', 'exec true']);
    const to = Date.now();
    // The kernel's clock of starts has ticks of 10 ms, and was related to the wall clock's when the meter began.
    const startMs = await waitFor('the program', () =>
      printed(run)
        .flatMap(({ processes }) => processes)
        .filter(({ exited, executable }) => exited && executable === 'true')
        .map(({ creation_time }) => Date.parse(creation_time!))
        .find((ms) => ms > from - 1000 && ms < to + 1000),
    );
    expect(startMs).toBeGreaterThan(0);
  });

  it('charges a cgroup by its path', async () => {
    const { mount } = findHierarchy('/proc');
    const name = `joules-test-${process.pid}`;
    mkdirSync(join(mount!, name));
    try {
      await using load = new Load();
      const pid = load.spin();
      writeFileSync(join(mount!, name, 'cgroup.procs'), String(pid));
      const [snapshot] = snapshots(joules(['top', '--json', '--source', TSC, '--count', '1']).stdout);
      expectClosed(snapshot!);
      const cgroup = snapshot!.cgroups.find(({ path }) => path === `/${name}`);
      const spinner = snapshot!.processes.find((process) => process.pid === pid);
      expect(spinner!.cgroup).toBe(`/${name}`);
      expect(cgroup!.energy_j).toBeCloseTo(spinner!.energy_j, 9);
      // How much of a CPU it gets is up to the others on this machine.
      expect(cgroup!.energy_j).toBeGreaterThan(0);
    } finally {
      await sleep(100);
      rmdirSync(join(mount!, name));
    }
  });

  it('knows the path of a cgroup that came and went within an interval', async () => {
    const { mount } = findHierarchy('/proc');
    const directory = join(mount!, `joules-test-${process.pid}-brief`);
    await using run = startJoules(['top', '--json', '--source', TSC, '--interval', '1']);
    await waitFor('a first line', () => printed(run)[0]);
    mkdirSync(directory);
    const script = `echo $$ > ${directory}/cgroup.procs; n=0; while [ $n -lt 20000 ]; do n=$((n+1)); done`;
    execFileSync('sh', ['-c', script]);
    rmdirSync(directory);
    const found = await waitFor('the cgroup', () =>
      printed(run)
        .flatMap(({ cgroups }) => cgroups)
        .find(({ path }) => path === `/${basename(directory)}`),
    );
    expect(found.energy_j).toBeGreaterThan(0);
  });

  it('measures from within a pid namespace of its own, and says what it cannot see', () => {
    const inside = (...args: string[]): Run => {
      const namespace = ['--pid', '--fork', '--mount-proc', process.execPath, JOULES];
      const { status, stdout, stderr } = spawnSync('unshare', [...namespace, ...args], { encoding: 'utf8' });
      return { status, stdout, stderr };
    };
    const [snapshot] = snapshots(inside('top', '--json', '--source', TSC, '--count', '1').stdout);
    expectClosed(snapshot!);
    expect(snapshot!.self.energy_j).toBeGreaterThan(0);
    expect(inside('doctor').stdout).toMatch(/^- pid namespace .*hostPID: true/m);
    const stat = inside('stat', '--json', '--source', TSC, '--', 'sh', '-c', 'sleep 0.1');
    expect(JSON.parse(stat.stdout)).toMatchObject({ processes: 2 });
  });

  it.each(['process', 'cgroup', 'container', 'core'])('shows a table by %s', (by) => {
    const { status, stdout, stderr } = joules(['top', '--source', TSC, '--by', by, '--count', '1']);
    expect([status, stderr]).toEqual([0, '']);
    const [summary, , header, first] = stdout.split('\n');
    expect(summary).toMatch(
      /^\d+\.\d\d W measured \(perf:msr\/tsc\/\) · processes .* · idle .* · unattributed 0.00 W/,
    );
    expect(header).toMatch(/WATTS +JOULES/);
    expect(first).toMatch(/\d+\.\d{3} +\d+\.\d{4}/);
  });

  it('ends quietly when its reader goes away, and on a signal', async () => {
    const { stdout, stderr } = spawnSync(
      'sh',
      ['-c', `${process.execPath} ${JOULES} top --json --interval 0.2 --source '${TSC}' | head -n 1`],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(snapshots(stdout)).toHaveLength(1);
    await using run = startJoules(['top', '--json', '--interval', '0.2', '--source', TSC]);
    await waitFor('a line', () => printed(run)[0]);
    expect((await run.stop('SIGINT')).status).toBe(0);
  });

  it('shows no escape sequence of a process that is named for it', async () => {
    await using load = new Load();
    const pid = load.start('sh', '-c', 'printf "\\033[2J\\nevil" > /proc/self/comm; while :; do :; done');
    await waitFor('the name', () =>
      readFileSync(`/proc/${pid}/comm`, 'latin1').includes('evil') ? true : undefined,
    );
    const text = joules(['top', '--source', TSC, '--count', '1']).stdout;
    expect(text).not.toContain('\x1b');
    const [snapshot] = snapshots(joules(['top', '--json', '--source', TSC, '--count', '1']).stdout);
    expectClosed(snapshot!);
  });
});

describeOnKernel('joules doctor', () => {
  it('tells what can be measured and why nothing better', () => {
    const { status, stdout } = joules(['doctor']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\+ BTF /m);
    expect(stdout).toMatch(
      /^(- power_core .*no PMU power_core|  not here .*power_core.*: normal in a virtual)/m,
    );
    expect(stdout).toMatch(/^\+ measuring +works, estimated: /m);
    const json = JSON.parse(joules(['doctor', '--json', '--source', TSC]).stdout) as {
      findings: { name: string }[];
    };
    expect(json.findings).toContainEqual({
      name: 'counter',
      ok: null,
      detail: expect.stringMatching(/^changes from read to read \(\d+ reads of [\d.]+ [µm]s\)$/),
    });
    expect(json.findings.at(-1)).toMatchObject({
      name: 'measuring',
      ok: true,
      detail: expect.stringContaining('perf:msr/tsc/'),
    });
  });
});
