// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CompareResult, RepeatResult } from '../../src/cli/series-result.ts';
import { joules, JOULES, startJoules } from '../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** A shell that counts so far. */
const count = (to: number): string[] => ['sh', '-c', `n=0; while [ $n -lt ${to} ]; do n=$((n+1)); done`];

let log: string;
beforeEach(() => (log = join(temporaryDirectory(), 'log')));

/** A command that notes that it has run. */
const note = (letter: string): string[] => ['sh', '-c', `printf ${letter} >> ${log}`];

const stat = (...args: string[]): ReturnType<typeof joules> => joules(['stat', '--source', TSC, ...args]);

describeOnKernel('joules stat of several runs', () => {
  it('measures each of them alone, after those to warm up', () => {
    const run = stat('-r', '3', '--warm-up', '2', '--json', ...note('x'));
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(log, 'utf8')).toBe('xxxxx');
    const result = JSON.parse(run.stdout) as RepeatResult;
    expect(result).toMatchObject({ schema: 'joules.repeat/1', command: note('x') });
    expect(result.runs).toHaveLength(3);
    const energies = result.runs.map(({ energy_j }) => energy_j);
    expect(Math.min(...energies)).toBeGreaterThan(0);
    expect(result.energy_j.mean).toBeCloseTo((energies[0]! + energies[1]! + energies[2]!) / 3, 12);
    expect(result.energy_j).toMatchObject({ min: Math.min(...energies), max: Math.max(...energies) });
    expect(result.runs.map(({ processes }) => processes)).toEqual([1, 1, 1]);
    for (const { machine_j, energy_j, idle_j, unattributed_j, others_j } of result.runs)
      expect(energy_j + idle_j + unattributed_j + others_j).toBeCloseTo(machine_j, 9);
  });

  it('prints mean, deviation and range, and no progress where there is no terminal', () => {
    const { stderr } = stat('-r', '4', ...count(1000));
    expect(stderr).toMatch(/^ Energy of 'sh -c .*', 4 runs after 1 to warm up:$/m);
    expect(stderr).toMatch(/^ +\d\.\d{4} J {2}± \d\.\d{4} \(\d+\.\d %\) +\d\.\d{4} … \d\.\d{4} +energy$/m);
    expect(stderr).toMatch(/^ {4}[▁▂▃▄▅▆▇█]{4} {2}energy of the runs in their order$/m);
    expect(stderr).not.toContain('run 1 of');
  });

  it('ends at the first run that fails, with its status and without a result', () => {
    const fails = ['sh', '-c', `printf x >> ${log}; [ $(wc -c < ${log}) -lt 3 ] || exit 7`];
    const run = stat('-r', '5', '--warm-up', '0', '--json', ...fails);
    expect(run).toMatchObject({ status: 7, stdout: '' });
    expect(run.stderr).toMatch(
      /^joules: no result: run 3 of 5 \('sh .*'\) ended with status 7: only runs that end with 0[^\n]*\n$/,
    );
    expect(readFileSync(log, 'utf8')).toBe('xxx');
  });

  it('says what a signal did to a run', () => {
    const run = stat('-r', '2', 'sh', '-c', 'kill -9 $$');
    expect(run.status).toBe(137);
    expect(run.stderr).toContain('was ended by signal 9');
  });

  it('ends when it is interrupted, whatever the command makes of that', async () => {
    const deaf = ['sh', '-c', 'trap "exit 0" INT; echo up; while :; do sleep 0.05; done'];
    await using run = startJoules(['stat', '--source', TSC, '-r', '50', ...deaf]);
    await waitFor('the command', () => (run.output().stdout === 'up\n' ? true : undefined));
    expect((await run.stop('SIGINT')).status).toBe(130);
    expect(run.output()).toEqual({
      stdout: 'up\n',
      stderr: 'joules: no result: run 1 of 51 (warm-up) was interrupted by SIGINT\n',
    });
  });

  it('shows each run that has ended to a terminal, between what the runs print', () => {
    const inner = `${process.execPath} ${JOULES} stat --source '${TSC}' -r 2 sh -c 'echo to-stdout; echo to-stderr >&2'`;
    const terminal = execFileSync('script', ['-qec', `${inner} > ${log}`, '/dev/null'], { encoding: 'utf8' });
    expect(readFileSync(log, 'utf8')).toBe('to-stdout\n'.repeat(3));
    const lines = terminal.split('\r\n').filter((line) => /^(to-|joules: run)/.test(line));
    expect(lines).toEqual([
      'to-stderr',
      expect.stringMatching(/^joules: run 1 of 3: [\d.]+ J, [\d.]+ s \(warm-up\)$/),
      'to-stderr',
      expect.stringMatching(/^joules: run 2 of 3: [\d.]+ J, [\d.]+ s$/),
      'to-stderr',
      expect.stringMatching(/^joules: run 3 of 3: /),
    ]);
  });
});

describeOnKernel('joules stat --compare', () => {
  it('runs the two in the order A B B A', () => {
    const run = stat(
      '--compare',
      '-r',
      '6',
      '--warm-up',
      '0',
      '--json',
      '--',
      ...note('A'),
      '--',
      ...note('B'),
    );
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(log, 'utf8')).toBe('ABBAABBAABBA');
    const result = JSON.parse(run.stdout) as CompareResult;
    expect(result).toMatchObject({ schema: 'joules.compare/1', a: note('A'), b: note('B') });
    expect(result.runs.map(({ v }) => v).join('')).toBe('abbaabbaabba');
  });

  it('finds that twice the work is more, and fails where that is asked for', () => {
    const compare = (limit: string): ReturnType<typeof joules> =>
      stat('--compare', '-r', '8', '--fail-if-more', limit, ...count(40_000), '--', ...count(80_000));
    const found = compare('5');
    expect(found.stderr).toMatch(/^ {3}energy .* MORE$/m);
    expect(found.stderr).toMatch(
      /^ B uses [\d.]+ to [\d.]+ % more energy than A\.\n That is surely more than 5 %/m,
    );
    expect(found.status).toBe(4);
    const allowed = compare('1000');
    expect(allowed.stderr).toMatch(/^ {3}energy .* MORE$/m);
    expect(allowed.stderr).toContain('That it is more than 1000 % is not sure: it does not fail.');
    expect(allowed.status).toBe(0);
  });

  it('says of an estimate that it compares CPU time', () => {
    const run = joules(['stat', '--source', 'estimated', '--compare', '-r', '6', 'true', '--', 'true']);
    expect(run.stderr).toMatch(
      /^ estimated, scope cpu\n Nothing was counted: .* compare by their CPU time alone\.$/m,
    );
  });

  it('says which of them cannot be run', () => {
    const run = stat('--compare', '--', 'true', '--', '/nowhere/prog');
    expect(run.status).toBe(127);
    expect(run.stderr).toBe('joules: cannot run /nowhere/prog (ENOENT): no such program\n');
  });
});
