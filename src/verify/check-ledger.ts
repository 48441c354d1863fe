// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { type Check, few, percent } from './check.ts';
import type { Observation } from './observation.ts';

/** What the snapshots promise: sums of doubles, of which none is off by more. */
const CLOSES = 1e-6;
/** More of the counters' energy that is nobody's than this is no accident at the begin of an interval. */
const MOST_UNKNOWN = 0.01;

/** Processes, idle and unattributed are what was counted, in every interval; so are the processes', and the cgroups', sums. */
export function checkLedger({ samples }: Observation): Check {
  const worst = Math.max(...samples.map(({ openness }) => openness));
  const figures = { intervals: samples.length, worst };
  const text = `closes in ${samples.length} intervals, within ${worst.toExponential(0)}`;
  return worst <= CLOSES
    ? { name: 'ledger', result: 'pass', text, figures }
    : { name: 'ledger', result: 'fail', text: `does not close: off by ${percent(worst)} at worst`, figures };
}

/** Whether the counters could be read all the time, and never went back or further than can be. */
export function checkGaps({ samples }: Observation): Check {
  const name = 'gaps';
  const unknown = sum(samples.map(({ unknownJoules }) => unknownJoules));
  const counted = sum(samples.map(({ counterJoules }) => counterJoules));
  const part = counted > 0 ? unknown / counted : 0;
  const resets = sum(samples.map((sample) => sample.resets));
  const rebinds = sum(samples.map((sample) => sample.rebinds));
  const skipped = sum(samples.map((sample) => sample.skipped));
  const figures = { unknown: part, resets, rebinds, skipped };
  const nobodys = `${percent(part)} of the energy is nobody's`;
  // CPUs that come or go, and a suspend, take counters with them.
  if (rebinds > 0 && (resets > 0 || part > MOST_UNKNOWN))
    return {
      name,
      result: 'cannot tell',
      text: `CPUs came or went ${rebinds} times: ${nobodys}; run it when they stay`,
      figures,
    };
  if (resets > 0)
    return {
      name,
      result: 'fail',
      text: `a counter went back, or ahead by more than can be, ${resets} times: ${nobodys}`,
      figures,
    };
  if (part > MOST_UNKNOWN)
    return {
      name,
      result: 'fail',
      text: `${nobodys}: counters could not be read, or detail was lost`,
      figures,
    };
  return {
    name,
    result: 'pass',
    text: part > 0 ? nobodys : 'all energy has an owner, idle included',
    figures,
  };
}

/** A container's sysfs may hide CPUs on which its processes run all the same: what they use there is nobody's. */
export function checkCpus({ samples, online, allowed }: Observation): Check {
  const name = 'cpus';
  const listed = new Set(online);
  const switching = new Set(samples.flatMap((sample) => sample.switching));
  const hidden = [...new Set([...switching, ...allowed])].filter((cpu) => !listed.has(cpu));
  const figures = { listed: online.length, hidden: hidden.length };
  if (hidden.length === 0)
    return { name, result: 'pass', text: `sysfs lists all CPUs that run tasks (${online.length})`, figures };
  const cpus = hidden.toSorted((a, b) => a - b).map((cpu) => `CPU ${cpu}`);
  const text =
    `sysfs hides ${few(cpus)}, where tasks run all the same: what they use there is charged to nobody; ` +
    'mount the /sys of the host and give --root';
  return { name, result: 'fail', text, figures };
}
