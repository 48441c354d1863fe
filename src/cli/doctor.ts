// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isVirtual } from '../counters/update-period.ts';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import { type Capability, effectiveCapabilities } from '../host/capabilities.ts';
import { findHierarchy } from '../host/hierarchy.ts';
import { inUserNamespace, LEAVE_USER_NAMESPACE } from '../host/user-namespace.ts';
import { type Meter, openMeter, sourceRequest } from '../meter.ts';
import { describeWatts } from '../sources/estimated.ts';
import { selectSource } from '../sources/select.ts';
import type { Counter, EnergySource, Selection } from '../model/source.ts';
import { checkMeterOptions } from '../settings/library.ts';
import { parseOptions } from '../settings/options.ts';
import type { MeterOptions } from '../settings/types.ts';
import { duration } from './duration.ts';
import type { Finding } from './finding.ts';
import { learningFindings } from './learning-findings.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { figure, jsonLine, printable } from './print.ts';
import { privileges } from './privileges.ts';
import { splitPlan } from './split-text.ts';

const TRIAL_MS = 300;

/** `joules doctor`: what this kernel, hardware and user can do. Exit status 0 if measuring is possible, else 3. */
export async function doctor(args: readonly string[]): Promise<number> {
  const { meter: options, own } = parseOptions('doctor', args);
  const checked = checkMeterOptions(options);
  const { root } = checked;
  const request = sourceRequest(checked);
  const { sys, proc } = request;
  const selection = selected(() => selectSource(request));
  const findings: Finding[] = [
    { name: 'kernel', ok: null, detail: release() },
    btf(sys),
    ...privileges(effectiveCapabilities()),
    ...(inUserNamespace() ? [{ name: 'user namespace', ok: false, detail: LEAVE_USER_NAMESPACE }] : []),
    cgroups(proc, root),
  ];
  // It gives privileges up, of which there are none to tell after that.
  const trial = await tryMeasuring(options);
  if (selection instanceof EnergyError)
    findings.push({ name: checked.source, ok: false, detail: selection.message });
  else findings.push(...sources(selection, trial.unreadable));
  if (trial.blindTo) findings.push({ name: 'pid namespace', ok: false, detail: trial.blindTo });
  if (trial.hidden?.length) findings.push({ name: 'CPUs', ok: false, detail: hiddenDetail(trial.hidden) });
  if (trial.counter) findings.push(trial.counter);
  if (trial.learning) findings.push(...trial.learning);
  if (trial.kept) findings.push(trial.kept);
  findings.push(trial.finding);
  const source = selection instanceof EnergyError ? null : selection.source.name;
  if (own.json) process.stdout.write(jsonLine({ source, findings }));
  else process.stdout.write(`${findings.map((finding) => printable(line(finding))).join('\n')}\n`);
  return trial.finding.ok ? 0 : EXIT_UNABLE;
}

function hiddenDetail(lists: readonly string[]): string {
  return `sysfs does not list ${lists.join(',')}, as lxcfs hides them: their energy is a gap; mount the host's /sys and give --root`;
}

/** The source that would be measured, or why there is none. */
function selected(select: () => Selection): Selection | EnergyError {
  try {
    return select();
  } catch (error) {
    if (error instanceof EnergyError && error.exitCode === EXIT_UNABLE) return error;
    throw error;
  }
}

function line({ name, ok, detail }: Finding): string {
  return `${ok === null ? ' ' : ok ? '+' : '-'} ${name.padEnd(16)} ${detail}`;
}

function btf(sys: string): Finding {
  const path = join(sys, 'kernel/btf/vmlinux');
  return existsSync(path)
    ? { name: 'BTF', ok: true, detail: path }
    : { name: 'BTF', ok: false, detail: `${path} is missing: use a kernel built with CONFIG_DEBUG_INFO_BTF` };
}

function cgroups(proc: string, root: string): Finding {
  const { version, controller, mount } = findHierarchy(proc, root);
  const hierarchy = controller === null ? 'v2' : `v${version}, controller ${controller}`;
  return { name: 'cgroups', ok: null, detail: `${hierarchy}, at ${mount}` };
}

function sources({ source, rejected }: Selection, unreadable: Trial['unreadable']): Finding[] {
  return [
    ...rejected.map(({ name, reason }) => ({ name, ok: false, detail: reason })),
    {
      name: source.name,
      ok: true,
      detail: `${source.kind}, scope ${source.scope}, ${whatCounts(source)}${splitPlan(source)}`,
    },
    ...source.auxiliary.map((one) => beside(one, unreadable?.get(one.id))),
  ];
}

function beside({ id, location: { via } }: Counter, why: string | undefined): Finding {
  if (why !== undefined) return { name: id, ok: false, detail: `beside it, but it cannot be read: ${why}` };
  const how = via === 'power' ? 'power integrated over time (estimated)' : via;
  return { name: id, ok: true, detail: `beside it, by ${how}` };
}

/** So many counters are named. */
const FEW = 4;

function whatCounts(source: EnergySource): string {
  const { length } = source.zones;
  if (source.reader === 'none') return `no counter: ${length} CPU(s) by ${describeWatts(source.watts)}`;
  const names = length > FEW ? '' : `: ${source.zones.map(({ id }) => id).join(', ')}`;
  return `${length} counter(s)${names}`;
}

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
  'it is virtual, its host shares energy out by CPU time, and so it is split here: apportioned by time, never learned; an --interval of several of its periods has steadier figures';

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

interface Trial {
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
  const text = `after the start: ${kept.join(', ') || 'no capability'}`;
  return kept.includes('CAP_SYS_ADMIN')
    ? `${text}; CAP_PERFMON is enough where it is granted and kernel.perf_event_paranoid is at most 2`
    : text;
}

/** The proof: measures for a moment, with the privileges that the agent has after its start. */
async function tryMeasuring(options: MeterOptions): Promise<Trial> {
  const name = 'measuring';
  try {
    const lines: string[] = [];
    await using meter = await openMeter({ ...options, log: (text) => void lines.push(text) });
    const kept = keepOnlyNeeded({
      source: meter.selection.source,
      namesPrograms: meter.blindTo === undefined,
      readsFiles: false,
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
    const detail = `works with ${source.name} (${source.kind}): ${counted}`;
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
