// SPDX-License-Identifier: Apache-2.0
import { CGROUPS, measure, ROUNDS, table } from './tools.mjs';

/** [what, tasks, cgroups, KiB touched between two switches, whether both CPUs share a counter] */
const CASES = [
  ['2 tasks, 2 cgroups', 2, 2, 0, 0],
  ['64 tasks, 4 cgroups', 64, 4, 0, 0],
  ['16 tasks, cold caches', 16, 2, 256, 0],
  ['2 tasks, 2 cgroups, shared counter', 2, 2, 0, 1],
  ['64 tasks, 4 cgroups, shared counter', 64, 4, 0, 1],
  ['16 tasks, cold caches, shared counter', 16, 2, 256, 1],
];

export default function switches() {
  const rows = CASES.map(([what, ...load]) => {
    const r = measure('switches', ...load, ROUNDS, CGROUPS);
    const ours = `${r.ours_ns} ± ${r.ours_spread_ns}`;
    const naive = `${r.naive_ns} ± ${r.naive_spread_ns}`;
    const silent = `${r.silent_ns} ± ${r.silent_spread_ns}`;
    const burst = `${r.burst_ns} ± ${r.burst_spread_ns}`;
    return [what, r.empty_ns, ours, silent, burst, naive, r.ratio.toFixed(3), r.switches];
  });
  return `# Cost of a context switch

Program bodies by bpf_stats, ns above an empty program attached just before and after. "Can learn": how many
more where counters are learned from, outside of bursts; "in a burst": how many more than that in one.

${table(['load', 'empty, itself', 'ours', 'can learn', 'in a burst', 'naive', 'ours / naive', 'switches'], rows)}`;
}
