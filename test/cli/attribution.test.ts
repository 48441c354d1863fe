// SPDX-License-Identifier: Apache-2.0
import type { Finding } from '../../src/cli/finding.ts';
import { joules, snapshots } from '../support/joules.ts';
import { describeOnKernel } from '../support/kernel.ts';

/** A clock in the place of a package's counter: its counter moves all the time, and says nothing of who draws what. */
const PACKAGE = 'perf:msr/tsc/,scope=package,joules=1e-9';

function findings(...options: string[]): Finding[] {
  const { stdout } = joules(['doctor', '--json', '--source', PACKAGE, ...options]);
  return (JSON.parse(stdout) as { findings: Finding[] }).findings;
}

describeOnKernel('a package of which nothing can be learned', () => {
  it('is split by time, of which nobody knows how wrong it is', () => {
    const lines = snapshots(joules(['top', '--json', '--source', PACKAGE, '--count', '2']).stdout);
    expect(lines).toHaveLength(2);
    for (const { source, totals, unattributed, zones, processes } of lines) {
      expect(source).toMatchObject({ scope: 'package', attribution: 'time' });
      expect(zones.map(({ attribution }) => attribution)).toContain('time');
      expect(unattributed.shared_j).toBe(0);
      expect(totals.process_j + totals.idle_j).toBeCloseTo(totals.counter_j, 6);
      expect(new Set(processes.map(({ energy_err_j }) => energy_err_j))).toEqual(new Set([null]));
    }
  });

  it('is named by the doctor, with the reason', () => {
    expect(findings()).toContainEqual({
      name: 'package:0',
      ok: false,
      detail:
        'split by time: its counter moves all the time, as a clock does, and nothing can be learned of it',
    });
  });

  it('is not tried to be learned from where that is not wanted', () => {
    const found = findings('--attribution', 'time');
    expect(found.map(({ name }) => name)).not.toContain('package:0');
    expect(found.find(({ name }) => name === 'perf:msr/tsc/')!.detail).toMatch(
      /, split by time, as is asked for$/,
    );
  });
});
