// SPDX-License-Identifier: Apache-2.0
import { getSystemErrorName } from 'node:util';
import type { Snapshot } from '../model/snapshot.ts';
import type { EnergySource } from '../model/source.ts';
import type { Learning, LearningState, PackageLearning } from '../probe/addon.ts';
import { duration } from './duration.ts';
import type { Finding } from './finding.ts';

/** How the counters of packages are split, and why: a line each. */
export function learningFindings(
  { zones }: Pick<EnergySource, 'zones'>,
  { packages, restarts }: Learning,
  snapshot: Pick<Snapshot, 'zones'>,
): Finding[] {
  const findings = packages.map((its): Finding => {
    const name = zones[its.zone]?.id ?? `package ${its.zone}`;
    const attribution = snapshot.zones.find(({ id }) => id === name)?.attribution;
    if (its.state !== 'learning') {
      // Nobody can mend that a host makes its counter up.
      const ok = its.state === 'calibrating' || its.state === 'virtual' ? null : false;
      return { name, ok, detail: `split by time: ${WHY_NOT[its.state](its)}` };
    }
    if (attribution === 'learned')
      return { name, ok: true, detail: `split by learned power: ${progress(its)}` };
    return { name, ok: null, detail: `split by time as yet: ${progress(its)}; ${AS_YET}` };
  });
  if (restarts === 0) return findings;
  const times = restarts === 1 ? 'once' : `${restarts} times`;
  return [
    ...findings,
    { name: 'learning', ok: null, detail: `began anew ${times}, since what it had learned could not be` },
  ];
}

const AS_YET = 'what runs draws alike by all that is known, and processes that differ show in some seconds';

/** What is learned from, and what is not for which reason most of all. */
function progress(its: PackageLearning): string {
  const { used, ...unused } = its.windows;
  const reasons = Object.entries(unused).filter(([, count]) => count > 0);
  const [most] = reasons.toSorted(([, a], [, b]) => b - a);
  const left = reasons.reduce((total, [, count]) => total + count, 0);
  const why = most ? ` (mostly ${UNUSED[most[0] as keyof typeof unused]})` : '';
  return [
    `its counter moves every ${period(its)}`,
    `${used} windows learned from, ${left} not${why}`,
    `${its.burstMs} ms a second`,
  ].join(', ');
}

const UNUSED: Readonly<Record<Exclude<keyof PackageLearning['windows'], 'used'>, string>> = {
  wide: 'an update was not seen exactly',
  length: 'an update was missed',
  lost: 'switches were lost',
  energy: 'the energy cannot be',
};

function period({ periodNs, jitterNs = 0 }: PackageLearning): string {
  return periodNs === undefined ? 'so often' : `${duration(periodNs)} ± ${duration(jitterNs)}`;
}

const WHY_NOT: Readonly<Record<Exclude<LearningState, 'learning'>, (its: PackageLearning) => string>> = {
  calibrating: () => 'it is not known yet when its counter moves',
  elsewhere: (its) => `we may not run on the CPU that reads it${errorOf(its)}: do not bind us to other CPUs`,
  unreadable: (its) => `its counter cannot be read on its CPU${errorOf(its)}`,
  unmoved: () => 'its counter does not move, and nothing can be learned of it',
  period: ({ periodNs }) =>
    periodNs === undefined || periodNs < 1e6
      ? 'its counter moves all the time, as a clock does, and nothing can be learned of it'
      : `its counter moves every ${duration(periodNs)}, too rarely to learn from (5 ms at most)`,
  unsteady: () =>
    'its counter moves at no steady times, as far as can be told while its CPU is so busy; it is tried again',
  virtual: (its) =>
    `its counter moves every ${period(its)}, so it is virtual, and its host shares energy out by time already: it is never learned from; an interval lasts until it has moved`,
  noise: () => 'hardly any update of its counter can be seen when it comes; it is tried again',
};

function errorOf({ error }: PackageLearning): string {
  return error === 0 ? '' : ` (${getSystemErrorName(error)})`;
}
