// SPDX-License-Identifier: Apache-2.0
import { besideLoad, CGROUPS, measure, ROUNDS, table } from './tools.mjs';

/** A crowd idles in between. [processes, ms between two wake-ups of each] */
const crowd = (processes, ms) => ['crowd', processes, 10, ms, CGROUPS];

/** [what, program and its arguments, how long a program stays attached, ms] */
const LOADS = [
  ['100 switches/s', crowd(10, 200), 2000],
  ['3,000 switches/s', crowd(100, 67), 400],
  ['10,000 switches/s', crowd(100, 20), 400],
  ['30,000 switches/s', crowd(100, 7), 400],
  ['100,000 switches/s', crowd(100, 2), 400],
  ['vfork + exec', ['load', 'storm'], 400],
  ['pipe', ['load', 'pipe'], 400],
];

const HEAD = [
  'load',
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
  for (const [what, load, sampleMs] of LOADS) {
    const r = await besideLoad(load, () => measure('rates', ROUNDS, sampleMs));
    const ns = (name) => `${whole.format(r[name])} ± ${whole.format(r[`${name}_spread`])}`;
    const ratio = (name) => `${r[name].toFixed(2)} ± ${r[`${name}_spread`].toFixed(2)}`;
    const nanoseconds = ['ours', 'naive', 'cpudist_like', 'kepler_like'].map(ns);
    const to = ['ours_to_naive', 'ours_to_kepler', 'cpudist_like_to_naive', 'kepler_like_to_naive'].map(
      ratio,
    );
    const used = ((r.ours + r.empty_ns) * r.rate) / 1e6;
    rows.push([what, ns('rate'), r.empty_ns, ...nanoseconds, ...to, used.toFixed(2)]);
  }
  return `# Cost of a context switch at the rates that machines have

All programs together, by bpf_stats, ns a switch above an empty program, beside processes that wake up for nothing as
often as makes so many switches, or that start /bin/true again and again, or that pass a byte to and fro on their CPU,
and beside whatever else this machine does. The last column is CPU time of ours
a second, the empty program's in it.

${table(HEAD, rows)}`;
}
