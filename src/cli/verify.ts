// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import { join } from 'node:path';
import { type Meter, openMeter } from '../meter.ts';
import { EXIT_UNABLE } from '../model/errors.ts';
import type { EnergySource } from '../model/source.ts';
import { SCOPE_VERSION } from '../otel/semconv.ts';
import { parseOptions } from '../settings/options.ts';
import { COMMAND } from '../settings/table.ts';
import { powercapSource } from '../sources/powercap.ts';
import { disturbance } from '../verify/check.ts';
import { judge, type Verdict } from '../verify/judge.ts';
import type { Observation } from '../verify/observation.ts';
import { choosePlaces, planOf, type Segment } from '../verify/plan.ts';
import { keepOnlyNeeded } from './least-privilege.ts';
import { likeCores, machineOf } from './machine.ts';
import { observe, type Seen } from './observe.ts';
import { complain, jsonLine, printable } from './print.ts';
import { openReferences } from './references.ts';
import { ignoreDebugger, LASTING, onStop, type StopSignal } from './signals.ts';
import { verification, verifyReport } from './verify-report.ts';
import { isRegister, type Watched, watchCounter } from './watch-counter.ts';

const STATUS: Readonly<Record<Verdict, number>> = { PASS: 0, FAIL: 1, 'CANNOT TELL': EXIT_UNABLE };

/**
 * How long a counter is read in a loop, s: for 1,000 updates or so; and, where it moves more rarely, until it has. No more
 * than a part of the run.
 */
const WATCH = { seconds: 1, longest: 2.5, part: 0.05 } as const;

/**
 * `joules verify`: runs known loads and judges whether this machine measures what they drew. Exit status 0 for PASS, 1
 * for FAIL, 3 for CANNOT TELL, as where nothing can be measured at all.
 */
export async function verify(args: readonly string[]): Promise<number> {
  const { meter: options, own } = parseOptions('verify', args);
  const { seconds = COMMAND.seconds.fallback!, json = false } = own;
  const { root = '/' } = options;
  const stopped = new AbortController();
  let signal: StopSignal = 'SIGINT';
  ignoreDebugger();
  const forgetSignals = onStop((received) => {
    signal = received;
    stopped.abort();
  }, LASTING);
  try {
    await using meter = await openMeter({ ...options, followForks: true });
    const observation = await run(meter, { root, seconds, stopped: stopped.signal });
    const found = verification(observation, judge(observation), SCOPE_VERSION);
    process.stdout.write(json ? jsonLine(found) : verifyReport(found).split('\n').map(printable).join('\n'));
    return STATUS[found.verdict];
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    complain('interrupted: no verdict; its loads are gone');
    return 128 + constants.signals[signal];
  } finally {
    forgetSignals();
  }
}

async function run(
  meter: Meter,
  { root, seconds, stopped }: { root: string; seconds: number; stopped: AbortSignal },
): Promise<Observation> {
  const { source } = meter.selection;
  const sys = join(root, 'sys');
  const proc = join(root, 'proc');
  await using references = await openReferences(source, { sys, proc });
  keepOnlyNeeded({
    source,
    namesPrograms: meter.blindTo === undefined,
    namesContainers: false,
    readsToken: false,
    signals: false,
  });
  const machine = machineOf(sys, proc);
  const { oneOfEachCore } = machine;
  const places = choosePlaces(likeCores(sys, oneOfEachCore), source.zones);
  const plan = planOf(seconds, places, oneOfEachCore);
  const watched = watchedBy(source, places.integer);
  const most = seconds * WATCH.part;
  const limits = { seconds: Math.min(WATCH.seconds, most), longest: Math.min(WATCH.longest, most) };
  const seen = await observe({
    meter,
    plan,
    watch: () => watched && watchCounter(watched, limits),
    begin: () => references.begin(),
    progress: teller(plan),
    stopped,
  });
  const powercap = powercapSource({ sys, proc });
  const powerLimits = 'counters' in powercap ? powercap.counters.map(({ maxWatts }) => maxWatts) : [];
  const observation: Observation = {
    ...machine,
    ...seen,
    source,
    packageLimit: powerLimits.length > 0 ? Math.max(...powerLimits) : undefined,
    references: await references.end(),
  };
  tellDone(observation, seen);
  return observation;
}

/** The counter that counts a CPU; undefined where there is none, or none to read in a loop. */
function watchedBy(source: EnergySource, cpu: number): Watched | undefined {
  const zone = source.zones.find(({ cpus }) => cpus.includes(cpu));
  if (!zone || source.reader === 'none') return undefined;
  if (source.reader === 'user') {
    const counter = source.counters.find(({ id }) => id === zone.id);
    return counter && isRegister(counter.location) ? { ...counter, location: counter.location } : undefined;
  }
  const { event, joulesPerCount } = source;
  return { location: { via: 'perf', event, cpu: zone.lead }, joulesPerCount, range: 0n };
}

const WORDS: Readonly<Record<Segment['arrangement'], string>> = {
  rest: 'at rest',
  tour: 'a load on each core',
  integer: 'integer load alone',
  memory: 'memory load alone',
  turns: 'both in turns on one CPU',
  apart: 'both on different cores',
  free: 'both wherever they are put',
};

/** Says on a terminal what is done now, elsewhere what round has begun. */
function teller(plan: readonly Segment[]): (segment: Segment, index: number) => void {
  const total = plan.reduce((sum, { seconds }) => sum + seconds, 0);
  let [elapsed, told] = [0, -1];
  return ({ arrangement, round, seconds }) => {
    const line = `${elapsed.toFixed(0)} of ${total.toFixed(0)} s: ${WORDS[arrangement]}`;
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
    else if (round !== told) complain(`${line}${round > 0 ? `, round ${round}` : ''}`);
    told = round;
    elapsed += seconds;
  };
}

/** Who was busy is for whoever runs it, and not for a report. */
function tellDone(observation: Observation, { others }: Seen): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  if (disturbance(observation) === undefined) return;
  const busiest = [...others].toSorted(([, a], [, b]) => b - a).slice(0, 3);
  complain(
    `the busiest others were ${busiest.map(([name, s]) => `${name} (${s.toFixed(1)} CPU s)`).join(', ')}`,
  );
}
