// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stat } from '../../src/cli/measure-command.ts';
import { joules, JOULES, type Run, snapshots, startJoules } from '../support/joules.ts';
import { cpuSeconds, describeOnKernel, Load, TSC, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let directory: string;
beforeAll(() => (directory = temporaryDirectory()));

interface Measured extends Run {
  readonly result: Stat;
  /** What the hypervisor took from all CPUs meanwhile, s. */
  readonly stolen: number;
}

function stat(...command: string[]): Measured {
  const output = join(directory, 'stat.json');
  rmSync(output, { force: true });
  const before = cpuSeconds().stolen;
  const run = joules(['stat', '--source', TSC, '--output', output, '--', ...command]);
  const stolen = cpuSeconds().stolen - before;
  return { ...run, stolen, result: JSON.parse(readFileSync(output, 'utf8')) as Stat };
}

/** CPU seconds of a shell and its children by its own `times` (lines "0m1.500s 0m0.100s"; bash has ms). */
function shellSeconds(stdout: string): number {
  return [...stdout.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
}

/** What the counters of one CPU count in a second, J. */
function tscRate(): number {
  const [snapshot] = snapshots(joules(['top', '--json', '--source', TSC, '--count', '1']).stdout);
  const { totals, interval_s, cores } = snapshot!;
  return totals.counter_j / interval_s / cores.flatMap((core) => core.cpus).length;
}

/** Within a part `tolerance` of the energy of `cpu` seconds; a clock runs while the hypervisor has the CPU, too. */
function expectCharged({ result, stolen }: Measured, cpu: number, tolerance: number): void {
  expect(Math.abs(result.energy_j / tscRate() - cpu)).toBeLessThan(cpu * tolerance + stolen);
}

/** On a pipe of Node's, a socket, bash takes itself for a remote shell and would run ~/.bashrc, whose children count. */
const BASH = ['bash', '--norc'] as const;

const SPIN = 'n=0; while [ $n -lt 300000 ]; do n=$((n+1)); done';

describeOnKernel('joules stat', () => {
  it('charges a command and its parallel children what they used, beside another load', async () => {
    await using load = new Load();
    load.spin();
    const loops = Array(8).fill(`( ${SPIN} ) &`).join(' ');
    const measured = stat(...BASH, '-c', `${loops} wait; times; exit 7`);
    const { status, stdout, stderr, result } = measured;
    expect(status).toBe(7);
    expect(result).toMatchObject({ schema: 'joules.stat/1', exit_code: 7, processes: 9 });
    const cpu = shellSeconds(stdout);
    expect(cpu).toBeGreaterThan(0.5);
    expect(result.cpu_time_s / cpu).toBeCloseTo(1, 1.7);
    expectCharged(measured, cpu, 0.01);
    // The other load is in the machine's figure, not in the command's.
    expect(result.machine_j - result.energy_j - result.idle_j).toBeGreaterThan(result.energy_j * 0.1);
    expect(stderr).toContain('command with 8 descendants');
  });

  it('tells of the machine what it used in the time that is told beside it, however short the command is', () => {
    const watts = ['0.001', '1'].map((seconds) => {
      const { result } = stat('sleep', seconds);
      expect(result.machine_s).toBeGreaterThanOrEqual(result.elapsed_s);
      return result.machine_j / result.machine_s;
    });
    // All CPUs' clocks, whatever runs.
    expect(Math.abs(watts[0]! / watts[1]! - 1)).toBeLessThan(0.1);
  });

  it('counts children that live for 2 ms', () => {
    const child = `n=0; while [ $n -lt 600 ]; do n=$((n+1)); done`;
    const measured = stat(...BASH, '-c', `for i in $(seq 500); do ( ${child} ); done; times`);
    // bash itself and seq.
    expect(measured.result.processes).toBe(502);
    // In its first second powers are not known well, and what others' interrupts count is shared out by them.
    expectCharged(measured, shellSeconds(measured.stdout), 0.05);
  });

  it('charges 20,000 processes of a millisecond to the last, through reused pids', () => {
    const child = '( n=0; while [ $n -lt 400 ]; do n=$((n+1)); done )';
    const storm = `i=0; while [ $i -lt 10000 ]; do ${child}; i=$((i+1)); done`;
    const measured = stat(...BASH, '-c', `${storm} & ${storm}; wait; times`);
    // Two shells, one of them in the background, and their children.
    expect(measured.result.processes).toBe(20_002);
    const cpu = shellSeconds(measured.stdout);
    expect(Math.abs(measured.result.cpu_time_s / cpu - 1)).toBeLessThan(0.01);
    expectCharged(measured, cpu, 0.01);
  });

  it('follows descendants that leave their session and their parents', () => {
    const { result } = stat('sh', '-c', `(setsid sh -c '(${SPIN}) & wait' &) ; sleep 1.5`);
    const alone = stat('sh', '-c', 'sleep 1.5').result;
    expect(result.cpu_time_s).toBeGreaterThan(alone.cpu_time_s + 0.1);
    expect(result.processes).toBe(5);
  });

  it('passes stdin, stdout and the exit status of a signal through', () => {
    const killed = stat('sh', '-c', 'echo out; kill -TERM $$');
    expect(killed).toMatchObject({ status: 143, stdout: 'out\n', result: { exit_code: 143 } });
  });

  it('passes signals on and reports what was used until then', async () => {
    const output = join(directory, 'term.json');
    await using run = startJoules([
      'stat',
      '--source',
      TSC,
      '--output',
      output,
      '--',
      'sh',
      '-c',
      'echo up; exec sleep 60',
    ]);
    await waitFor('the command', () => (run.output().stdout === 'up\n' ? true : undefined));
    await sleep(300);
    expect((await run.stop('SIGTERM')).status).toBe(143);
    expect((JSON.parse(readFileSync(output, 'utf8')) as Stat).elapsed_s).toBeGreaterThan(0.3);
  });

  it('passes SIGINT on when it is sent to it alone', async () => {
    await using run = startJoules(['stat', '--source', TSC, '--', 'sh', '-c', 'echo up; exec sleep 60']);
    await waitFor('the command', () => (run.output().stdout === 'up\n' ? true : undefined));
    expect((await run.stop('SIGINT')).status).toBe(130);
  });

  it.each([
    [34, 162],
    [64, 192],
    [9, 137],
  ])(
    'has the status of a command that signal %d ended, of those without a name too: %d',
    (signal, status) => {
      expect(stat('sh', '-c', `kill -${signal} $$`).status).toBe(status);
    },
  );

  it('runs what a shell would run: a script without an interpreter, in its own directory', () => {
    const script = join(directory, 'script');
    writeFileSync(script, 'pwd; exit 3\n', { mode: 0o755 });
    expect(stat(script)).toMatchObject({ status: 3, stdout: `${process.cwd()}\n` });
  });

  it('keeps an old result when it cannot measure, and shows one that cannot be written', () => {
    const output = join(directory, 'old.json');
    writeFileSync(output, 'old');
    expect(joules(['stat', '--source', 'power_core', '--output', output, '--', 'true']).status).toBe(3);
    expect(readFileSync(output, 'utf8')).toBe('old');
    const full = joules(['stat', '--source', TSC, '--output', '/dev/full', '--', 'sh', '-c', 'exit 5']);
    expect(full.status).toBe(5);
    expect(full.stderr).toMatch(/cannot write the result to --output \(ENOSPC\)[^]*"exit_code":5/);
  });

  it('keeps the exit status when nobody reads its stderr', () => {
    const command = `{ ${process.execPath} ${JOULES} stat --source '${TSC}' -- sh -c 'exit 4'; echo $? >&3; }`;
    const { stdout } = spawnSync('bash', ['-c', `exec 3>&1; ${command} 2> >(exec 0<&-; exec sleep 0)`], {
      encoding: 'utf8',
    });
    expect(stdout).toBe('4\n');
  });

  it('says what command cannot be run, with the status a shell gives', () => {
    const run = (command: string): Run => joules(['stat', '--source', TSC, '--', command]);
    expect(run('/nowhere/prog')).toMatchObject({
      status: 127,
      stderr: expect.stringContaining('no such program'),
    });
    expect(run("echo 'a' | wc").stderr).toMatch(
      /no such program; .* for a shell: sh -c 'echo '\\''a'\\'' \| wc'$/m,
    );
    expect(run('/etc/passwd')).toMatchObject({ status: 126, stderr: expect.stringContaining('EACCES') });
  });

  it('says of an estimate that it compares CPU time, with no more digits than are known', () => {
    // A CPU that the table of watts does not have.
    const root = temporaryDirectory();
    for (const name of ['sys', 'dev']) symlinkSync(`/${name}`, join(root, name));
    mkdirSync(join(root, 'proc'));
    for (const name of ['self', 'stat', 'cgroups', 'uptime'])
      symlinkSync(`/proc/${name}`, join(root, 'proc', name));
    writeFileSync(join(root, 'proc/cpuinfo'), 'processor\t: 0\nCPU part\t: 0xd08\n');
    const { stderr } = joules([
      'stat',
      '--source',
      'estimated',
      '--root',
      root,
      '--',
      'sh',
      '-c',
      'i=0; while [ $i -lt 99999 ]; do i=$((i+1)); done',
    ]);
    expect(stderr).toMatch(
      /compare by their CPU time alone\.\n Watts: unknown CPU, mean of servers: power at the wall/,
    );
    const joulesShown = /^ *([\d.]+) J {2}command/m.exec(stderr)?.[1];
    expect(joulesShown).toMatch(/^0*\.?0*[1-9]0*$/);
    expect(stderr).toMatch(/^ *\d+\.\d{4} s {2}CPU time$/m);
  });

  it('takes a command without --, which keeps its own options', () => {
    const run = joules([
      'stat',
      '--source',
      TSC,
      '--json',
      'sh',
      '-c',
      'echo "$@" >&2; exit 3',
      'sh',
      '--json',
      '--',
    ]);
    expect(run.stderr).toBe('--json --\n');
    expect(run.status).toBe(3);
    expect(JSON.parse(run.stdout)).toMatchObject({ schema: 'joules.stat/1', exit_code: 3 });
  });

  it('prints its table on stderr, and with --json nothing but that on stdout', () => {
    const table = joules(['stat', '--source', TSC, '--', 'true']);
    expect(table.stdout).toBe('');
    expect(table.stderr).toMatch(/ J {2}± \d+\.\d{4} J command$/m);
    expect(table.stderr).toMatch(/measured: source perf:msr\/tsc\//);
    expect(table.stderr).not.toMatch(/alone|counted/);
    const clock = joules(['stat', '--source', TSC.replace(',kind=measured', ''), '--', 'true']);
    expect(clock.stderr).toMatch(
      /^ estimated: source perf:msr\/tsc\/, scope cpu\n No energy was counted: .* a clock/m,
    );
    const json = joules(['stat', '--source', TSC, '--json', '--', 'true']);
    expect(JSON.parse(json.stdout)).toMatchObject({
      schema: 'joules.stat/1',
      command: ['true'],
      exit_code: 0,
      energy_err_j: expect.any(Number),
    });
    expect(json.stderr).toBe('');
    const output = join(directory, 'instead.json');
    const elsewhere = joules(['stat', '--source', TSC, '--json', '--output', output, 'echo', 'own']);
    expect(elsewhere).toMatchObject({ stdout: 'own\n', stderr: '' });
    expect(JSON.parse(readFileSync(output, 'utf8'))).toMatchObject({ command: ['echo', 'own'] });
  });

  it('loads nothing of OpenTelemetry, nor what speaks HTTP: a command does not wait for that', () => {
    const [hook, list] = ['hook.cjs', 'loaded.json'].map((name) => join(directory, name));
    const save = `require('fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(Object.keys(require.cache)))`;
    writeFileSync(hook!, `process.on('exit', () => ${save});`);
    // The bundle's modules by themselves: of the bundle only what stays outside could be seen.
    const main = join(__dirname, '../../dist/cli/main.js');
    const run = `process.argv.splice(1, 0, 'joules'); require(${JSON.stringify(main)}).run()`;
    const args = ['--require', hook!, '-e', run, '--', 'stat', '--source', TSC, 'true'];
    expect(spawnSync(process.execPath, args).status).toBe(0);
    const loaded = JSON.parse(readFileSync(list!, 'utf8')) as string[];
    expect(loaded.filter((path) => path.endsWith('/dist/cli/stat.js'))).toHaveLength(1);
    const needless = /@opentelemetry|\/kubelet\.js|\/dist\/(http|web|ledger)\//;
    expect(loaded.filter((path) => needless.test(path))).toEqual([]);
  });
});
