// SPDX-License-Identifier: Apache-2.0
import { besideCrowd, measure, ROUNDS, table } from './tools.mjs';

/** How long a program stays attached, ms. */
const SAMPLE_MS = 400;

/** [switches/s of a crowd that idles in between, processes, cgroups, ms between two wake-ups of each] */
const CROWDS = [
  ['3,000', 100, 10, 67],
  ['10,000', 100, 10, 20],
  ['30,000', 100, 10, 7],
  ['100,000', 100, 10, 2],
];

const HEAD = [
  'made',
  'switches/s',
  'empty, itself',
  'ours',
  'naive',
  'cpudist-like',
  'Kepler-like',
  'ours / naive',
  'ours / Kepler-like',
  'cpudist-like / naive',
  'Kepler-like / naive',
  'ours, ms/s',
];

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export default async function rates() {
  const rows = [];
  for (const [made, ...crowd] of CROWDS) {
    const r = await besideCrowd(crowd, () => measure('rates', ROUNDS, SAMPLE_MS));
    const ns = (name) => `${whole.format(r[name])} ± ${whole.format(r[`${name}_spread`])}`;
    const ratio = (name) => `${r[name].toFixed(2)} ± ${r[`${name}_spread`].toFixed(2)}`;
    const nanoseconds = ['ours', 'naive', 'cpudist_like', 'kepler_like'].map(ns);
    const to = ['ours_to_naive', 'ours_to_kepler', 'cpudist_like_to_naive', 'kepler_like_to_naive'].map(
      ratio,
    );
    const used = ((r.ours + r.empty_ns) * r.rate) / 1e6;
    rows.push([made, ns('rate'), r.empty_ns, ...nanoseconds, ...to, used.toFixed(1)]);
  }
  return `# Cost of a context switch at the rates that machines have

All programs together, by bpf_stats, ns a switch above an empty program, beside 100 processes that wake up, each for
nothing, as often as makes so many switches, and whatever else this machine does. The last column is CPU time of ours
a second, the empty program's in it.

${table(HEAD, rows)}`;
}
