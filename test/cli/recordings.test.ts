// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Report } from '../../src/recording/report.ts';
import { snapshotJson } from '../../src/snapshot/json.ts';
import { joules, snapshots, startJoules } from '../support/joules.ts';
import { describeOnKernel, Load, TSC, waitFor } from '../support/kernel.ts';
import { recording } from '../support/recording.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { Viewer } from '../support/viewer.ts';

const FIXTURE = join(__dirname, '../fixtures/recording.jsonl.br');
const RECORDED = recording();

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describeOnKernel('joules record', () => {
  it('writes what top --json prints, until it is interrupted', async () => {
    await using load = new Load();
    load.spin();
    const path = join(temporaryDirectory(), 'r.br');
    await using run = startJoules(['record', '--output', path, '--source', TSC, '--interval', '0.3']);
    await waitFor('a first snapshot', () =>
      existsSync(path) && readFileSync(path).length > 0 ? true : undefined,
    );
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect((await run.stop('SIGINT')).status).toBe(0);
    expect(run.output().stdout).toBe('');
    expect(run.output().stderr).toContain(`recording to ${path}: measured (perf:msr/tsc/), `);
    const [, count] = /(\d+) snapshots? in .*: joules top --replay/.exec(run.output().stderr)!;
    expect(Number(count)).toBeGreaterThanOrEqual(2);
    const { stdout, status } = joules(['top', '--replay', path, '--json']);
    expect(status).toBe(0);
    const lines = snapshots(stdout);
    expect(lines).toHaveLength(Number(count));
    for (const { totals, processes, source } of lines) {
      expect(source.name).toBe('perf:msr/tsc/');
      expect(Math.abs(sum(processes.map(({ energy_j }) => energy_j)) - totals.process_j)).toBeLessThan(
        totals.counter_j * 1e-6,
      );
    }
  });

  it('records the interval that a signal cuts short', async () => {
    const path = join(temporaryDirectory(), 'r.br');
    await using run = startJoules(['record', '-o', path, '--source', TSC, '--interval', '600']);
    await waitFor('the recording to begin', () =>
      run.output().stderr.includes('recording to') ? true : undefined,
    );
    expect((await run.stop('SIGTERM')).status).toBe(0);
    const lines = snapshots(joules(['top', '--replay', path, '--json']).stdout);
    expect(lines).toHaveLength(1);
    expect(lines[0]!.interval_s).toBeLessThan(600);
    expect(lines[0]!.totals.counter_j).toBeGreaterThan(0);
  });

  it('tells what becomes of a recording that is there', () => {
    const path = join(temporaryDirectory(), 'r.br');
    const run = (...more: string[]): string =>
      joules(['record', '-o', path, '--source', TSC, '--interval', '0.2', '-n', '1', ...more]).stderr;
    expect(run()).not.toContain('was there');
    expect(run()).toContain(`${path} was there: kept as ${path}.1, shown with it\n`);
    expect(run('--files', '1')).toContain(`${path} was there: removed, as there is one file at most\n`);
  });

  it('loses some seconds at most where it is killed', async () => {
    const path = join(temporaryDirectory(), 'r.br');
    await using run = startJoules(['record', '-o', path, '--source', TSC, '--interval', '0.2']);
    await waitFor('a first snapshot', () =>
      existsSync(path) && readFileSync(path).length > 0 ? true : undefined,
    );
    const begun = readFileSync(path).length;
    await waitFor('more of it', () => (readFileSync(path).length > begun ? true : undefined));
    await run.stop('SIGKILL');
    const { stdout, stderr, status } = joules(['report', path, '--json']);
    expect([status, stderr]).toEqual([0, '']);
    expect((JSON.parse(stdout) as Report).snapshots).toBeGreaterThan(1);
  });
});

describe('joules report', () => {
  it('tells what was used, by whom, and in which part', () => {
    const { stdout, stderr, status } = joules(['report', FIXTURE, '--limit', '5']);
    expect([status, stderr]).toEqual([0, '']);
    const [span, total, ledger, , titles, ...rows] = stdout.trimEnd().split('\n');
    const counted = sum(RECORDED.map(({ totals }) => totals.counter_j));
    expect(span).toMatch(/^2026-\d\d-\d\d [\d:]{8} to .*: 3 min 15 s measured, 195 snapshots$/);
    expect(total).toBe(`${counted.toFixed(2)} J, mean 3.90 W, estimated`);
    expect(ledger).toMatch(/^processes [\d.]+ J \([\d.]+ %\) · idle .* · unattributed 0\.00 J \(0\.0 %\)$/);
    expect(titles).toMatch(/^ *JOULES +MEAN W +SHARE % +CPU s +PROGRAM, CGROUP$/);
    expect(rows).toHaveLength(6);
    expect(rows.at(-1)).toMatch(/ \(other\)$/);
    const shown = sum(rows.map((row) => Number.parseFloat(row)));
    expect(shown).toBeCloseTo(sum(RECORDED.map(({ totals }) => totals.process_j)), 0);
    expect(stdout).not.toMatch(/\p{Cc}(?<!\n)/u);
  });

  it.each(['process', 'cgroup', 'container', 'core'])('adds up by %s, as JSON and as a table', (by) => {
    const { stdout } = joules(['report', FIXTURE, '--by', by, '--from', '60s']);
    const rows = stdout.trimEnd().split('\n').slice(5);
    const last = RECORDED.filter(
      ({ time }) => Date.parse(time) >= Date.parse(RECORDED.at(-1)!.time) - 60_000,
    );
    const part = by === 'core' ? 'counter_j' : 'process_j';
    expect(sum(rows.map((row) => Number.parseFloat(row)))).toBeCloseTo(
      sum(last.map(({ totals }) => totals[part])),
      0,
    );
    const made = JSON.parse(joules(['report', FIXTURE, '--json', '--from', '60s']).stdout) as Report;
    expect(made).toMatchObject({ schema: 'joules.report/1', snapshots: last.length });
  });

  it('tells that snapshots of several sources are added up, and names them', () => {
    const path = join(temporaryDirectory(), 'r.jsonl');
    const [first, second] = [RECORDED[0]!, RECORDED[1]!];
    const lines = [first, { ...second, source: { ...second.source, name: 'perf:msr/tsc/' } }];
    writeFileSync(path, lines.map((line) => `${JSON.stringify(snapshotJson(line))}\n`).join(''));
    const { stdout, stderr, status } = joules(['report', path, '--json']);
    expect(status).toBe(0);
    expect(stderr).toBe(
      `joules: ${path} has snapshots of 2 sources, estimated and estimated (perf:msr/tsc/), which are added up: ` +
        'look at one of them with --from and --to\n',
    );
    expect((JSON.parse(stdout) as Report).sources).toEqual([
      { name: 'estimated', kind: 'estimated' },
      { name: 'perf:msr/tsc/', kind: 'estimated' },
    ]);
  });

  it('has of each view what belongs to it', () => {
    const { cgroups } = JSON.parse(joules(['report', FIXTURE, '--json', '--limit', '2']).stdout) as Report;
    expect(cgroups).toHaveLength(3);
    for (const row of cgroups)
      expect(Object.keys(row)).toEqual(['cgroup', 'container_id', 'energy_j', 'cpu_time_s']);
    const { stdout } = joules(['report', FIXTURE, '--by', 'core']);
    expect(stdout.split('\n')[4]).toMatch(/^ *JOULES +MEAN W +SHARE % +CORE$/);
  });

  it('says in a sentence what is wrong', () => {
    const said = (...args: string[]): string => {
      const { status, stdout, stderr } = joules(args);
      expect(stdout).toBe('');
      return `${status} ${stderr}`;
    };
    expect(said('report')).toBe('2 joules: report: name a recording, as in: joules report joules.jsonl.br\n');
    expect(said('report', '/nowhere')).toMatch(/^2 joules: cannot read \/nowhere: ENOENT; /);
    expect(said('report', FIXTURE, '--from', '2030-01-01')).toMatch(/^2 joules: nothing was recorded from /);
    expect(said('report', FIXTURE, '--from', 'noon')).toMatch(/^2 joules: --from must be HH:MM/);
    const other = `2 joules: ${__filename} is no recording of joules record\n`;
    expect(said('top', '--json', '--replay', __filename)).toBe(other);
    expect(said('report', __filename)).toBe(other);
    expect(said('page', __filename)).toBe(other);
  });
});

describe('joules page', () => {
  it.each([[[]], [['--from', '90s', '--to', '30s']]])(
    'serves a recording as its history %j',
    async (options) => {
      await using run = startJoules(['page', FIXTURE, '--listen', '127.0.0.1:0', ...options]);
      const origin = await waitFor(
        'the address',
        () => /http:\/\/127\.0\.0\.1:\d+/.exec(run.output().stderr)?.[0],
      );
      expect((await fetch(`${origin}/`)).headers.get('content-security-policy')).toContain(
        "default-src 'none'",
      );
      await using viewer = await new Viewer(origin).live();
      const { hello, history } = viewer.store;
      expect(hello).toMatchObject({
        isRecording: true,
        host: 'recording.jsonl.br',
        source: { kind: 'estimated' },
      });
      const end = Date.parse(RECORDED.at(-1)!.time);
      const [from, to] = options.length > 0 ? [end - 90_000, end - 30_000] : [0, end];
      const inIt = RECORDED.filter(({ time }) => Date.parse(time) >= from && Date.parse(time) <= to);
      const counted = sum(history.frames.flatMap(({ ledger }) => Object.values(ledger))) / 1e6;
      expect(counted).toBeCloseTo(sum(inIt.map(({ totals }) => totals.counter_j)), 2);
      expect((await run.stop('SIGTERM')).status).toBe(0);
    },
  );
});
