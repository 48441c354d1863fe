// SPDX-License-Identifier: Apache-2.0
import type { SwitchedSource } from '../model/source.ts';
import { countedJoules } from '../model/units.ts';
import type { Columns } from '../probe/columns.ts';
import type { Pricing } from './pricing.ts';
import type { GroupOfCpu } from './reducer.ts';

/** Prices of counters that BPF reads: it has shared the counts out already, and they need a scale only. */
export function switchedPricing(
  { rows, cpus }: Columns,
  { zones, joulesPerCount }: SwitchedSource,
  zoneOf: GroupOfCpu,
): Pricing {
  const sums = zones.map(() => ({ known: false, joules: 0, gapJoules: 0, lostJoules: 0 }));
  for (let i = 0; i < cpus.cpu.length; i++) {
    const sum = sums[zoneOf[cpus.cpu[i]!] ?? -1];
    if (!sum) continue;
    const gap = countedJoules(cpus.gapCounts[i]!, joulesPerCount);
    sum.known = true;
    sum.gapJoules += gap;
    // The residual is 0; were it ever not, the ledger would still close, and say so as lost.
    sum.lostJoules += countedJoules(cpus.lostCounts[i]! + cpus.residualCounts[i]!, joulesPerCount);
    sum.joules += countedJoules(cpus.counts[i]!, joulesPerCount) + gap;
  }
  return {
    joulesOf: (row, zone) => (zones[zone]!.hidden ? 0 : countedJoules(rows.counts[row]!, joulesPerCount)),
    uncertainJoulesOf: (row) => countedJoules(rows.uncertainCounts[row]!, joulesPerCount),
    counted(zone, charged) {
      const { known, ...counted } = sums[zone]!;
      if (zones[zone]!.hidden) return { ...counted, gapJoules: counted.joules, lostJoules: 0 };
      return known || charged !== undefined ? counted : undefined;
    },
  };
}
