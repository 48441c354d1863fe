// SPDX-License-Identifier: Apache-2.0
import { besideCrowd, run, table } from './tools.mjs';

/** [processes, cgroups, ms between two wake-ups of each] */
const CROWDS = [
  [100, 10, 1000],
  [1000, 100, 1000],
  [100, 10, 20], // 10,000 switches a second: to a process and back
  [10_000, 2000, 10_000],
  [10_000, 2000, 1000],
];

const HEAD = [
  'alive',
  'cgroups',
  'switches',
  'charged',
  'CPU, ms',
  'held up, ms',
  'by a page, ms',
  'at the start, ms',
  'RSS, MB',
];

export default async function agent() {
  const rows = [];
  for (const crowd of CROWDS) {
    const [processes, cgroups, periodMs] = crowd;
    const warmUp = Math.ceil(2 + (1.5 * periodMs) / 1000);
    const r = await besideCrowd(crowd, () => run('snapshots.mjs', warmUp));
    const times = [r.cpuMs, r.heldUpMs, r.pageHeldUpMs, r.firstHeldUpMs].map((ms) => ms.toFixed(1));
    rows.push([processes, cgroups, r.switches, r.processes, ...times, r.rssMb.toFixed(0)]);
  }
  return `# Cost of an interval of 1 s

CPU of all the agent's threads; the longest that its event loop was held up: in an interval, by a Prometheus page, and
at the start, where all are named at once; its memory. Medians, but for the start.

${table(HEAD, rows)}`;
}
