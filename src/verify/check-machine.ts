// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import { busyShare, type Check, percent, samplesOf, watts } from './check.ts';
import type { Observation, Sample } from './observation.ts';

/** A machine that has warmed up draws some percent more at rest; more than this is something that runs, or ended. */
const MOST_DRIFT = 0.2;
/** Of one CPU, for a snapshot every half second: the agent takes one a second, and is held to a tenth of it. */
const MOST_COST = 0.1;

/** Whether the machine at rest draws the same before and after, and most of that is idle's. */
export function checkRest(observation: Observation): Check {
  const name = 'rest';
  const resting = samplesOf(observation, 'rest');
  const [before, after] = [
    resting.filter(({ round }) => round === 0),
    resting.filter(({ round }) => round > 0),
  ];
  const [first, last] = [power(before), power(after)];
  const drift = last / first - 1;
  const idle =
    sum(resting.map(({ idleJoules }) => idleJoules)) / sum(resting.map(({ counterJoules }) => counterJoules));
  const others = busyShare({ ...observation, samples: resting });
  const figures = {
    before_w: finite(first),
    after_w: finite(last),
    idle: finite(idle),
    others: finite(others),
  };
  const text = `${watts(first)} before, ${watts(last)} after, ${percent(idle)} of it idle; others used ${percent(others)} of the CPUs`;
  if (!Number.isFinite(drift + idle))
    return { name, result: 'cannot tell', text: 'nothing was counted at rest', figures };
  if (Math.abs(drift) > MOST_DRIFT)
    return { name, result: 'cannot tell', text: `${text}: not the same machine`, figures };
  return { name, result: 'pass', text, figures };
}

/** What measuring itself costs, snapshots and names included. */
export function checkCost(observation: Observation): Check {
  const name = 'cost';
  // In between a counter is read in a loop, which is no part of measuring.
  const samples = observation.samples.filter(({ arrangement }) => arrangement !== 'between');
  const seconds = sum(samples.map((sample) => sample.seconds));
  const cpu = sum(samples.map(({ self }) => self.cpuSeconds)) / seconds;
  const drawn = sum(samples.map(({ self }) => self.joules)) / seconds;
  const switches = sum(samples.map(({ self }) => self.switches)) / seconds;
  const figures = { cpu, watts: drawn, switches_per_s: switches };
  const text = `the meter used ${percent(cpu)} of a CPU and ${watts(drawn)}, at ${Math.round(switches)} switches/s`;
  return { name, result: cpu <= MOST_COST ? 'pass' : 'cannot tell', text, figures };
}

function power(samples: readonly Sample[]): number {
  return sum(samples.map(({ counterJoules }) => counterJoules)) / sum(samples.map(({ seconds }) => seconds));
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
