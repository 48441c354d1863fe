// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Verification } from '../../src/cli/verify-report.ts';
import { joules, startJoules } from '../support/joules.ts';
import { describeOnKernel, TSC, waitFor } from '../support/kernel.ts';

/** Loads that run now, by their pids. */
function loadsOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ');
        return (
          Number(fields[1]) === parent && readFileSync(`/proc/${pid}/comm`, 'latin1').startsWith('joules-')
        );
      } catch {
        return false;
      }
    });
}

describe('joules verify', () => {
  it.each([
    [['--seconds', '1'], /--seconds must be a number of seconds from 5 to 3600, not "1"/],
    [['--count', '1'], /verify has no option --count/],
    [['--source', 'nothing'], /unknown source/],
  ])('refuses %j in a sentence', (args, message) => {
    const { status, stdout, stderr } = joules(['verify', ...args]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describeOnKernel('joules verify', () => {
  it('finds nothing wrong with a clock, and says that it cannot tell whether it counts energy', () => {
    const { status, stdout } = joules(['verify', '--source', TSC, '--seconds', '8', '--json']);
    const found = JSON.parse(stdout) as Verification;
    expect(found).toMatchObject({
      schema: 'joules.verify/1',
      verdict: 'CANNOT TELL',
      source: { name: 'perf:msr/tsc/', scope: 'cpu' },
    });
    expect(status).toBe(3);
    const results = Object.fromEntries(found.checks.map(({ name, result }) => [name, result]));
    expect(Object.values(results)).not.toContain('fail');
    expect(results).toMatchObject({ ledger: 'pass', cpus: 'pass', moves: 'pass', response: 'cannot tell' });
    // A clock is worth the same whoever has the CPU.
    for (const { alone_w, together } of found.loads) {
      for (const { charged_w } of Object.values(together)) expect(charged_w / alone_w!).toBeCloseTo(1, 1);
    }
  });

  it('says of an estimate that it counts nothing, in a table that names nobody', () => {
    const watts = ['--watts-idle', '1', '--watts-busy', '5'];
    const { status, stdout, stderr } = joules([
      'verify',
      '--source',
      'estimated',
      ...watts,
      '--seconds',
      '5',
    ]);
    expect(status).toBe(3);
    expect(stdout).toMatch(/^joules verify \S+: CANNOT TELL\n/);
    expect(stdout).toMatch(/^cannot tell +moves +there is no counter$/m);
    expect(stdout).toMatch(/^expected +turns .*an estimate charges CPU time/m);
    expect(stdout).not.toContain(hostname());
    expect(stdout).not.toMatch(/node|jest/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
    expect(stderr).toMatch(/^joules: 0 of 5 s: at rest$/m);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends at %s without a verdict, and leaves no load behind', async (signal, expected) => {
    await using running = startJoules(['verify', '--source', TSC, '--seconds', '60']);
    const pids = await waitFor('both loads', () => {
      const found = loadsOf(running.child.pid!);
      return found.length === 2 ? found : undefined;
    });
    const { status } = await running.stop(signal);
    expect(status).toBe(expected);
    expect(running.output().stdout).toBe('');
    expect(running.output().stderr).toMatch(/interrupted: no verdict; its loads are gone\n$/);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});
