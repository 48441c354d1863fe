// SPDX-License-Identifier: Apache-2.0
// What the jobs in which CPUs go and come brought home.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLOSURE, REGISTER_J } from './checks.mjs';
import { readSnapshots, readTruth } from './truth.mjs';

/**
 * Of hotplug.sh's paced(): how often a zone's CPUs change and some are left, and how often its lead goes. A PMU without
 * scope passes an event on before its CPU has gone, twice, and it is opened anew then, too.
 */
const PACED = { rebinds: 15, passedOn: 2, gaps: 5 };
/** Part of the counters that may be opened in vain, and one at least: the CPU may have gone again, or not be there yet. */
const VAIN = 0.03;
/** A CPU that is back is measured again within this time, s; and one of a machine that runs by the clock of this
 * one, however busy that is. */
const BLIND_S = 1;
const BLIND_PARALLEL_S = 3;
/** Runs in which core 1 was not there when the agent began. */
const LATE = new Set(['late', 'first']);
/**
 * How much more than it used a process may be charged with. In runs of some seconds shares are off by some per cent: in
 * the first of them it is not known yet when the counter moves, and what a CPU that comes uses until it is bound falls
 * to whoever runs beside it.
 */
const TOLERANCE = 1.06;
/** A gap may hide what a core of 8 W uses between two moves of its register, ~1 ms, at either end. */
const GAP_J = 2 * 8e-3;
/** What was used since a counter was read last is lost with a reset: a core of 8 W, up to some milliseconds. */
const RESET_J = 32e-3;
/** ... and in a machine that runs by the clock of this one everything takes longer, by this part of all. */
const HIDDEN_PARALLEL = 5e-3;
/** A register may move while a counter is opened anew, and it is priced over the millisecond it moves in, J per process. */
const MOVE_J = 8e-3;

export function checkHotplug(out, report) {
  const paced = checkRun(out, 'paced', report);
  const done = `${paced.self.rebinds} rebinds and ${paced.self.gaps} gaps`;
  report.test(
    `paced: ${done}, one for each change there was`,
    (paced.self.rebinds !== PACED.rebinds + (report.scope ? 0 : PACED.passedOn) ||
      paced.self.gaps !== PACED.gaps) &&
      JSON.stringify(PACED),
  );
  // All that was used but for some milliseconds at each change is known, and whose it was.
  report.test(
    `paced: ${paced.gap.toFixed(3)} J are nobody's`,
    paced.gap > GAP_J * (paced.self.rebinds + paced.self.gaps) && 'more than some milliseconds of a core',
  );
  checkRun(out, 'storm', report);
  return countCycles(out);
}

export function checkChanges(out, report) {
  checkRun(out, 'late', report);
  const resets = checkRun(out, 'resets', report);
  // Core 1 was not there at the second one: its new event begins with the new value.
  report.test(
    `resets: ${resets.self.resets} counted`,
    resets.self.resets !== 5 && 'two of core 0 and of the package and one of core 1 were made',
  );
  for (const run of ['hasty1', 'hasty2']) checkEnd(out, run, report);
  return countCycles(out);
}

export function checkLate(out, report) {
  checkRun(out, 'first', report);
  return countCycles(out);
}

export function checkSuspend(out, report) {
  const { test } = report;
  const asleep = existsSync(join(out, 'suspended')) ? readLines(join(out, 'suspended')).length : 0;
  test('suspend: the machine slept twice', asleep !== 2 && `${asleep} times`);
  // While it falls asleep nothing is read for some tenths of a second, and then the register begins anew.
  const meter = checkRun(out, 'suspend', report, true);
  test(`suspend: ${meter.self.resets} resets counted`, meter.self.resets < 2 && 'two of core 0 were made');
  const resumes = readLines(join(out, 'suspend.err')).filter((line) => line.includes('event=resume')).length;
  // A sleep of less than a second leaves no trace in the clocks of a guest.
  test(`suspend: the meter noticed ${resumes} of them`, (resumes < 1 || resumes > 2) && 'of two');
  return 0;
}

/** The meter must know all that a perf event told of each core, and must charge nobody with anything else. */
function checkRun(out, run, report, asleep = false) {
  const { test, tell } = report;
  checkEnd(out, run, report);
  const meter = readSnapshots(join(out, `${run}.ndjson`));
  const truth = readTruth(join(out, `${run}.truth`));
  const { self } = meter;
  test(`${run}: every snapshot closes`, !(meter.openness <= CLOSURE) && `by ${meter.openness} in the worst`);
  test(`${run}: loses no row`, meter.lost > 0 && `${meter.lost} J`);
  let opened = 0;
  for (const [core, watched] of truth.watched) {
    const known = meter.zones.get(`core:0:${core}`) ?? 0;
    const over = known - watched.joules;
    const hidden =
      GAP_J * self.gaps +
      MOVE_J * self.rebinds +
      RESET_J * self.resets +
      (asleep ? HIDDEN_PARALLEL * watched.joules : 0);
    const off = over > REGISTER_J || -over > REGISTER_J + hidden;
    const limit = asleep ? BLIND_PARALLEL_S : BLIND_S;
    const text = `${known.toFixed(4)} J of ${watched.joules.toFixed(4)} J`;
    test(`${run}: core ${core}: ${text} that its counters counted`, off && `${over} J more`);
    test(
      `${run}: core ${core}: measured again after ${watched.blindSeconds.toFixed(2)} s at most`,
      watched.blindSeconds > limit && `more than ${limit} s`,
    );
    opened += Math.max(watched.opened - (LATE.has(run) && core === '1' ? 0 : 1), 0);
  }
  const vain = opened - self.rebinds;
  test(
    `${run}: ${self.rebinds} rebinds are as many as counters were opened anew`,
    (vain < 0 || vain > Math.max(1, VAIN * opened)) && `${opened} were`,
  );
  for (const [name, pid] of truth.names) {
    const [charged, used] = [meter.processes.get(pid) ?? 0, truth.processes.get(pid)];
    const text = `${charged.toFixed(3)} J of ${used.toFixed(3)} J`;
    test(`${run}: ${name} is charged ${text}`, charged > used * TOLERANCE + MOVE_J && 'more than it used');
  }
  tell(`${run}: ${self.gaps} gaps with ${meter.gap.toFixed(3)} J, ${self.resets} resets`);
  return meter;
}

/** The agent ended well, and the kernel has nothing to complain of. */
function checkEnd(out, run, { test }) {
  const errors = readFileSync(join(out, `${run}.err`), 'utf8');
  const exit = readFileSync(join(out, `${run}.exit`), 'utf8').trim();
  const trace = /^\s+at |Error:/m.test(errors);
  test(
    `${run}: ends with 0 and without a trace`,
    (exit !== '0' || trace) && `${exit}: ${errors.slice(-2000)}`,
  );
}

/** CPUs that were taken offline. */
function countCycles(out) {
  const path = join(out, 'cycles');
  return existsSync(path) ? readLines(path).length : 0;
}

function readLines(path) {
  return readFileSync(path, 'utf8').trim().split('\n');
}
