// SPDX-License-Identifier: Apache-2.0
import { busyShare, type Check } from './check.ts';
import { checkAlone } from './check-alone.ts';
import { checkMoves, checkPeriod } from './check-counter.ts';
import { checkCpus, checkGaps, checkLedger } from './check-ledger.ts';
import { checkCost, checkRest } from './check-machine.ts';
import { checkNoise } from './check-noise.ts';
import { checkOwn, checkResponse } from './check-places.ts';
import { checkScale } from './check-scale.ts';
import { checkShares, drawn } from './check-shares.ts';
import { LOADS, type LoadName, type Observation } from './observation.ts';
import { aloneWatts, type Share, sharesOf, type Together } from './shares.ts';

/** `PASS`: nothing is wrong, and all that matters could be judged. `CANNOT TELL`: nothing is wrong, but not all could. */
export type Verdict = 'PASS' | 'FAIL' | 'CANNOT TELL';

/** What a load was charged with beside the other one, W, and by what part that is off what it was alone. */
export interface ShareReport extends Pick<Share, 'off' | 'error'> {
  readonly charged_w: number;
}

/** A load's watts while it runs. */
export interface LoadReport {
  readonly load: LoadName;
  /** What it added to the counters, alone. */
  readonly drawn_w: number | null;
  /** What it was charged with, alone and in each arrangement. */
  readonly alone_w: number | null;
  readonly together: Readonly<Partial<Record<Together, ShareReport>>>;
}

export interface Judgement {
  readonly verdict: Verdict;
  readonly checks: readonly Check[];
  readonly loads: readonly LoadReport[];
  /** What part of the machine's CPU time others used. */
  readonly others: number;
}

/** Without these nothing wrong is no proof; the others describe the machine and the meter. */
const ESSENTIAL = new Set([
  'ledger',
  'gaps',
  'cpus',
  'moves',
  'noise',
  'response',
  'own',
  'scale',
  'alone',
  'turns',
  'apart',
  'free',
]);

/** Judges what a run has found. Pure: no clock, no I/O. */
export function judge(observation: Observation): Judgement {
  const checks = [
    checkLedger(observation),
    checkGaps(observation),
    checkCpus(observation),
    checkMoves(observation),
    checkPeriod(observation),
    ...checkNoise(observation),
    checkResponse(observation),
    checkOwn(observation),
    checkScale(observation),
    checkAlone(observation),
    ...checkShares(observation),
    checkRest(observation),
    checkCost(observation),
  ];
  return {
    verdict: verdictOf(checks),
    checks,
    loads: loadsOf(observation),
    others: busyShare(observation),
  };
}

function verdictOf(checks: readonly Check[]): Verdict {
  if (checks.some(({ result }) => result === 'fail')) return 'FAIL';
  const isOpen = checks.some(({ name, result }) => result === 'cannot tell' && ESSENTIAL.has(name));
  return isOpen ? 'CANNOT TELL' : 'PASS';
}

function loadsOf(observation: Observation): LoadReport[] {
  const shares = sharesOf(observation);
  return LOADS.map((load) => ({
    load,
    // What an estimate adds to itself is no counter's.
    drawn_w: observation.source.reader === 'none' ? null : finite(drawn(observation, load)),
    alone_w: finite(aloneWatts(observation, load)),
    together: Object.fromEntries(
      shares
        .filter((share) => share.load === load)
        .map(({ arrangement, together, off, error }) => [arrangement, { charged_w: together, off, error }]),
    ),
  }));
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
