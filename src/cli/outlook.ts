// SPDX-License-Identifier: Apache-2.0
import type { EnergySource, Rejection, Selection } from '../model/source.ts';
import type { Finding } from './finding.ts';

const NORMAL = 'normal in a virtual machine';

/** What was looked for before the source that was found: bad is what could be had here, and matters. */
export function rejections({ source, rejected }: Selection, isVirtual: boolean): Finding[] {
  return rejected.map((one) => {
    const finding = { name: one.name, detail: one.reason };
    if (isVirtual && isNormalWhereVirtual(one)) return { ...finding, ok: null, normal: NORMAL };
    // Most CPUs have no counters of their cores: that is a fact. That there is none at all is not.
    return { ...finding, ok: one.isAbsent && source.kind !== 'estimated' ? null : false };
  });
}

/** Hypervisors pass no counters on; what registers they show stand at 0, so that a module for them is of no use. */
function isNormalWhereVirtual({ name, isAbsent }: Rejection): boolean {
  return isAbsent === true || name === 'msr';
}

export interface Prospect {
  /** Why nothing can be measured; undefined: it can. */
  readonly failure: string | undefined;
  /** Undefined: none that was asked for is there. */
  readonly selection: Selection | undefined;
  readonly isVirtual: boolean;
  readonly findings: readonly Finding[];
}

/** The end of `joules doctor`, one sentence: what one gets here, and the one thing to do to get more. */
export function outlook({ failure, selection, isVirtual, findings }: Prospect): string {
  const isBad = (name: string): boolean => findings.some((one) => one.ok === false && one.name === name);
  if (failure !== undefined && isBad('privileges'))
    return 'As this user nothing can be measured: run joules as root (sudo joules doctor), or grant what is missing as above.';
  if (!selection)
    return 'From that source nothing can be measured: leave out --source to get the best that is here.';
  if (failure !== undefined) return `Nothing can be measured here as yet: ${failure}.`;
  const what = `You will get ${whatOf(selection.source)}`;
  const problem = findings.find(
    ({ ok, name }) => ok === false && !selection.rejected.some((one) => one.name === name),
  );
  if (problem) return `${what}; but see to "${problem.name}" above.`;
  return `${what}; ${remedy(selection, isVirtual)}.`;
}

function whatOf({ kind, name, scope, reader }: EnergySource): string {
  if (name.startsWith('perf:')) return `what ${name} counts, as ${kind} Joules`;
  if (kind === 'measured') return 'measured Joules: a counter per core, read at context switches';
  if (reader === 'none')
    return 'estimates: watts times CPU time, by which two programs compare by their CPU time alone';
  return `what each ${scope} counted, split over the processes that ran`;
}

function remedy({ source, rejected }: Selection, isVirtual: boolean): string {
  if (source.name.startsWith('perf:')) return 'leave out --source to get the best that is here';
  if (isVirtual && source.kind !== 'measured')
    return 'for measurements run joules on the host of this virtual machine';
  // A counter that is there, or would be with a module.
  const hidden = rejected.find(({ isAbsent }) => !isAbsent);
  if (hidden) return `for ${hidden.name}: ${hidden.reason}`;
  if (source.reader !== 'none') return 'joules verify tells within two minutes how far to believe that here';
  const last = rejected.at(-1);
  return last && !last.isHopeless
    ? `for a counter: ${last.reason}`
    : 'give --watts-idle and --watts-busy if you know those of your CPU';
}
