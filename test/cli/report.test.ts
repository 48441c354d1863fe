// SPDX-License-Identifier: Apache-2.0
import type { Stat } from '../../src/cli/measure-command.ts';
import { report } from '../../src/cli/stat-report.ts';

const result: Stat = {
  schema: 'joules.stat/1',
  command: ['make'],
  exit_code: 0,
  elapsed_s: 2,
  source: { name: 'power', kind: 'apportioned', scope: 'package', domain: 'cpu', attribution: 'learned' },
  energy_j: 4,
  energy_err_j: 0.25,
  cpu_time_s: 1.5,
  power_w: 2,
  processes: 1,
  machine_j: 10,
  machine_s: 2,
  idle_j: 1,
  unattributed_j: 3,
  shared_j: 2.5,
};

describe('what joules stat prints', () => {
  it('says of a package how it was split, how uncertain that is, and what is drawn whoever runs', () => {
    const lines = report(result).map((line) => line.trim());
    expect(lines).toContain('4.0000 J  ± 0.2500 J command');
    expect(lines).toContain('3.0000 J  of it unattributed');
    expect(lines).toContain('2.5000 J  of that shared: drawn whoever runs');
    expect(lines).toContain('apportioned by learned power: source power, scope package');
  });

  it('says of one that was split by time that nobody knows how wrong that is', () => {
    const source = { ...result.source, attribution: 'time' } as const;
    const lines = report({ ...result, source, energy_err_j: null, shared_j: 0 }).map((line) => line.trim());
    expect(lines).toContain('4.0000 J  command');
    expect(lines).toContain('apportioned by time: source power, scope package');
    expect(lines.filter((line) => line.includes('shared'))).toEqual([]);
  });
});
