// SPDX-License-Identifier: Apache-2.0
import type { Run } from '../../src/cli/run-series.ts';
import { compareReport, repeatReport, runLine } from '../../src/cli/series-report.ts';
import { compareResult, repeatResult } from '../../src/cli/series-result.ts';

function runOf(command: number, energy_j: number, others_j = 0): Run {
  const figures: Run['figures'] = {
    elapsed_s: 2,
    source: { name: 'power_core', kind: 'measured', scope: 'core', domain: 'cpu', attribution: null },
    energy_j,
    energy_err_j: 0,
    cpu_time_s: 1.5,
    power_w: energy_j / 2,
    processes: 1,
    machine_j: energy_j + 1 + others_j,
    machine_s: 2,
    idle_j: 1,
    unattributed_j: 0,
    shared_j: 0,
  };
  return { command, number: 3, of: 16, counts: true, figures };
}

/** Of A 4 J, of B so many times as much. */
function comparedLines(ratios: readonly number[], others = 0, failIfMore?: number): string[] {
  const runs = ratios.flatMap((ratio) => [runOf(0, 4, others), runOf(1, 4 * ratio, others)]);
  const commands = [['./old'], ['./new', '\u001b[2J']] as const;
  return compareReport(compareResult(commands, runs), failIfMore).map((line) => line.trim());
}

describe('what joules stat prints of several runs', () => {
  it('is one line for each while they run', () => {
    expect(runLine(runOf(1, 4.25), 2)).toBe('run 3 of 16, B: 4.2500 J, 2.00 s');
    expect(runLine({ ...runOf(0, 4.25), counts: false }, 1)).toBe('run 3 of 16: 4.2500 J, 2.00 s (warm-up)');
  });

  it('is mean, deviation and range of each figure', () => {
    const lines = repeatReport(repeatResult(['make'], [runOf(0, 3), runOf(0, 5)]), 1).map((line) =>
      line.trim(),
    );
    expect(lines).toContain("Energy of 'make', 2 runs after 1 to warm up:");
    expect(lines).toContain('4.0000 J  ± 1.4142 (35.4 %)   3.0000 … 5.0000       energy');
    expect(lines).toContain('1.5000 s  ± 0.0000 (0.0 %)    1.5000 … 1.5000       CPU time');
    expect(lines).toContain('▁█  energy of the runs in their order');
    expect(lines).toContain('measured: source power_core, scope core');
  });
});

describe('what joules stat --compare prints', () => {
  it('is who uses more and by how much, and whether that fails', () => {
    const lines = comparedLines([1.06, 1.07, 1.08, 1.09, 1.1, 1.11], 0, 5);
    expect(lines).toContain('B  ./new \\u001b[2J');
    expect(lines).toContain('energy       4.0000 J   4.3400 J   +8.5 %   +6.0 % … +11.0 %   MORE');
    expect(lines).toContain('elapsed      2.0000 s   2.0000 s    0.0 %      0.0 % … 0.0 %   same within 5 %');
    expect(lines).toContain('B uses 6.0 to 11.0 % more energy than A.');
    expect(lines).toContain('That is surely more than 5 %: it fails.');
    expect(lines).toContain('6 pairs of runs, A B B A.');
    expect(lines.filter((line) => line.includes('noisy'))).toEqual([]);
  });

  it('is the other way round as well', () => {
    const lines = comparedLines([0.94, 0.93, 0.92, 0.91, 0.9, 0.89], 12);
    expect(lines).toContain('B uses 6.0 to 11.0 % less energy than A.');
    expect(lines).toContain("Others used 71 % of the machine's energy meanwhile: single runs are noisy.");
  });

  it('is that it cannot be told, and what would help', () => {
    expect(comparedLines([0.95, 0.97, 1, 1.01, 1.05, 1.08])).toContain(
      'Whether B uses more energy cannot be told: 5.0 % less to 8.0 % more. About 10 more pairs would do.',
    );
    expect(comparedLines([0, 1, 1, 1, 1, 1])).toContain(
      'Whether B uses more energy cannot be told: in a run nothing was counted for it. Let them run longer.',
    );
  });
});
