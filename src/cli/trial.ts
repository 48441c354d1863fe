// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { isVirtual } from '../counters/update-period.ts';
import type { Capability } from '../host/capabilities.ts';
import { type Meter, openMeter } from '../meter.ts';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import type { MeterOptions } from '../settings/types.ts';
import { duration } from './duration.ts';
import type { Finding } from './finding.ts';
import { learningFindings } from './learning-findings.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { figure } from './print.ts';
import { kindAndName } from './split-text.ts';

const TRIAL_MS = 300;

/** How fine energy can be told apart in time, and what that costs. */
async function counter(meter: Meter): Promise<Finding | undefined> {
  const found = await meter.calibrate();
  if (!found) return undefined;
  const { periodNs, jitterNs = 0, changes } = found;
  const reads = `${found.reads} reads of ${duration(found.readNs)}`;
  const name = 'counter';
  if (changes === 0)
    return { name, ok: false, detail: `stood still over ${reads}: is it a counter of energy?` };
  if (periodNs === undefined) return { name, ok: null, detail: `changed once in ${reads}` };
  const detail =
    periodNs === 0
      ? `changes from read to read (${reads})`
      : `changes every ${duration(periodNs)} ± ${duration(jitterNs)} (${changes} changes in ${reads})`;
  return { name, ok: null, detail: isVirtual(found) ? `${detail}: ${VIRTUAL}` : detail };
}

const VIRTUAL =
  'it is virtual, its host shares energy out by CPU time, and so it is split here: apportioned by time, never learned; an interval lasts until it has moved';

/** Long enough to see how a counter moves that moves once a second, and to learn from one that can be learned from. */
const LEARNING_MS = 5000;
const LEARNING_STEP_MS = 500;

/** What is learned of packages. Waits until that is known, or no more is to be expected. */
async function learning(meter: Meter): Promise<Finding[]> {
  const { source } = meter.selection;
  for (let waitedMs = 0; ; waitedMs += LEARNING_STEP_MS) {
    const found = await meter.learning();
    if (found.packages.length === 0) return [];
    const snapshot = await meter.snapshot();
    const findings = learningFindings(source, found, snapshot);
    // Windows are counted once a second.
    const isCounted = found.packages.every(({ state, windows }) => state !== 'learning' || windows.used > 0);
    if ((isCounted && findings.every(({ ok }) => ok !== null)) || waitedMs >= LEARNING_MS) return findings;
    await new Promise((resolve) => setTimeout(resolve, LEARNING_STEP_MS));
  }
}

/** What measuring for a moment has shown. */
export interface Trial {
  readonly finding: Finding;
  readonly counter?: Finding | undefined;
  readonly learning?: readonly Finding[];
  readonly kept?: Finding;
  readonly blindTo?: string | undefined;
  /** CPUs that sysfs does not list. */
  readonly hidden?: readonly string[];
  /** Counters beside the source that cannot be read, and why, by their id. */
  readonly unreadable?: ReadonlyMap<string, string>;
}

/** What the poller says of a counter, as a pair. */
function complaintOf(said: string): [id: string, why: string][] {
  const [, id, why] = /^(.+?) cannot be read: (.*)$/.exec(said) ?? [];
  return id === undefined ? [] : [[id, why!]];
}

function keptText(kept: readonly Capability[]): string {
  const text = `capabilities that the agent keeps after its start: ${kept.join(', ') || 'none'}`;
  return kept.includes('CAP_SYS_ADMIN')
    ? `${text}; CAP_PERFMON is enough where it is granted and kernel.perf_event_paranoid is at most 2`
    : text;
}

/** The proof: measures for a moment, with the privileges that the agent has after its start. */
export async function tryMeasuring(options: MeterOptions): Promise<Trial> {
  const name = 'measuring';
  try {
    const lines: string[] = [];
    await using meter = await openMeter({ ...options, log: (text) => void lines.push(text) });
    const kept = keepOnlyNeeded({
      source: meter.selection.source,
      namesPrograms: meter.blindTo === undefined,
      namesContainers: false,
      readsToken: false,
      signals: false,
    });
    await sleep(TRIAL_MS);
    const { totals, zones, interval_s, self, source } = await meter.snapshot();
    // A CPU that is hidden is known as such by the second interval.
    await sleep(TRIAL_MS);
    await meter.snapshot();
    const watts = figure(totals.counter_j / interval_s, 2, source.estimate?.digits);
    const power = zones.length === 0 ? 'no counter has moved yet' : `${watts} W`;
    const counted = `${power}, ${self.switches} switches in ${interval_s.toFixed(2)} s`;
    const detail = `works, ${kindAndName(source)}: ${counted}`;
    const learned = await learning(meter);
    return {
      finding: { name, ok: true, detail },
      // What is learned from is known already.
      counter: learned.length > 0 ? undefined : await counter(meter),
      learning: learned,
      kept: { name: 'kept', ok: null, detail: keptText(kept) },
      blindTo: meter.blindTo,
      unreadable: new Map(lines.flatMap(complaintOf)),
      hidden: lines.flatMap((text) => /^event=hidden cpus=(\S+)/.exec(text)?.[1] ?? []),
    };
  } catch (error) {
    if (!(error instanceof EnergyError) || error.exitCode !== EXIT_UNABLE) throw error;
    return { finding: { name, ok: false, detail: error.message } };
  }
}
