// SPDX-License-Identifier: Apache-2.0
import { judge, type Verdict } from './judge.ts';
import { ORDINARY, SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';
import type { Charges, Trace } from './trace.ts';

/** A way to attribute energy. */
export type Way = (trace: Trace) => Charges;

interface Row {
  readonly name: string;
  /** By way, then by seed. */
  readonly verdicts: readonly (readonly Verdict[])[];
}

/** How wrong ways to attribute energy are, in Markdown: means over the seeds, and the worst of all. */
export function report(ways: Readonly<Record<string, Way>>, seeds: readonly number[]): string {
  const rows = Object.entries(SCENARIOS).map(([name, scenario]): Row => {
    const byWay = Object.values(ways).map((): Verdict[] => []);
    for (const seed of seeds) {
      const trace = simulate(scenario(seed), seed);
      Object.values(ways).forEach((way, i) => byWay[i]!.push(judge(trace, way(trace))));
    }
    return { name, verdicts: byWay };
  });
  const head = ['scenario', ...Object.keys(ways)];
  const part = (title: string, cell: (verdicts: readonly Verdict[]) => string): string[] => [
    `${title}, %, ${seeds.length} seed${seeds.length === 1 ? '' : 's'}:`,
    '',
    line(head),
    line(head.map((_, i) => (i === 0 ? '---' : '--:'))),
    ...rows.map(({ name, verdicts }) => line([name, ...verdicts.map(cell)])),
    '',
  ];
  const ordinary = rows.filter(({ name }) => ORDINARY.includes(name));
  const means = Object.keys(ways).map((_, i) =>
    percent(
      ordinary.reduce((sum, row) => sum + mean(row.verdicts[i]!, 'misattributed'), 0) / ordinary.length,
    ),
  );
  return [
    ...part('Misattributed energy', (verdicts) => percent(mean(verdicts, 'misattributed'))).slice(0, -1),
    line(['mean without pingpong, ppsmt, twins and irq', ...means]),
    '',
    ...part('Error per task, mean / 95th percentile / worst', (verdicts) =>
      [mean(verdicts, 'mean'), mean(verdicts, 'p95'), Math.max(...verdicts.map(({ worst }) => worst))]
        .map(percent)
        .join(' / '),
    ),
    ...part('Error of idle, as a part of all energy', (verdicts) => percent(mean(verdicts, 'idle'))),
  ].join('\n');
}

function mean(verdicts: readonly Verdict[], of: keyof Verdict): number {
  return verdicts.reduce((sum, verdict) => sum + verdict[of], 0) / verdicts.length;
}

/** Three digits. */
function percent(fraction: number): string {
  const percents = 100 * fraction;
  const digits = Math.abs(percents) < 10 ? 2 : Math.abs(percents) < 100 ? 1 : 0;
  return percents.toFixed(digits);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
