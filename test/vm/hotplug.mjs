// SPDX-License-Identifier: Apache-2.0
// What the jobs in which CPUs go and come brought home.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLOSURE, REGISTER_J } from './checks.mjs';
import { readSnapshots, readTruth } from './truth.mjs';

/**
 * Of hotplug.sh's paced(): how often a zone's CPUs change and some are left, and how often its lead goes. A PMU without
 * scope passes an event on before its CPU has gone, twice, and it is opened anew then, too, if it is looked at in between.
 */
const PACED = { rebinds: 15, passedOn: 2, gaps: 5 };
/** Part of the counters that may be opened in vain, and one at least: the CPU may have gone again, or not be there yet. */
const VAIN = 0.03;
/** A CPU that is back is measured again within this time, s. */
const BLIND_S = 1;
/** Runs in which core 1 was not there when the agent began. */
const LATE = new Set(['late', 'first']);
/**
 * How much more than it used a process may be charged with. In runs of some seconds shares are off by some per cent: in
 * the first of them it is not known yet when the counter moves, and what a CPU that comes uses until it is bound falls
 * to whoever runs beside it. In a storm, in which CPUs come and go a hundred times, that was 4 to 8 %; after a suspend, with
 * half a second of CPU time each and two at once on a core, up to 16.
 */
const TOLERANCE = 1.25;
/** What a core of 8 W uses between two moves of its register, ~1 ms: at either end of a gap nobody can be charged with it. */
const GAP_J = 2 * 8e-3;
/** ... and it is priced over the millisecond it moves in, J per process. */
const MOVE_J = 8e-3;
/** A perf event's count is off by a register's unit at either end. */
const EVENT_J = 2 * 2 ** -16;
/**
 * A reset hides what was used since the counter was read last. Where the lead alone can read that may be as long as its
 * load sleeps, while the load beside it works: 51 ms (lib.sh) of 4 W and the core's own 0.1 W.
 */
const RESET_J = 51e-3 * 4.1;

export function checkHotplug(out, report) {
  const paced = checkRun(out, 'paced', report);
  const done = `${paced.self.rebinds} rebinds and ${paced.self.gaps} gaps`;
  report.test(
    `paced: ${done}, one for each change there was`,
    (paced.self.rebinds < PACED.rebinds ||
      paced.self.rebinds > PACED.rebinds + (report.scope ? 0 : PACED.passedOn) ||
      paced.self.gaps !== PACED.gaps) &&
      JSON.stringify(PACED),
  );
  checkGap('paced', paced, readTruth(join(out, 'paced.truth')), report);
  checkRun(out, 'storm', report);
  return countCycles(out);
}

/**
 * All that was used is known, and whose it was, but for a millisecond at either end of each change, and for what the
 * register moved while only a CPU could read it that did not know: from when the driver passed the event on, or from when
 * its former CPU read it last, until it was opened anew. How long that may take is judged apart (BLIND_S).
 */
function checkGap(run, { gap, self }, { watched }, { test }) {
  const cores = [...watched.values()];
  const passedOn = cores.reduce((sum, core) => sum + core.passedOn, 0);
  const apart = cores.reduce((sum, core) => sum + core.apartJoules, 0);
  const most = GAP_J * (self.rebinds + self.gaps) + apart;
  test(
    `${run}: ${gap.toFixed(3)} J are nobody's; ${apart.toFixed(3)} J were used while events had been passed on (${passedOn} times)`,
    gap > most && `more than ${most.toFixed(3)} J`,
  );
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
  const meter = checkRun(out, 'suspend', report);
  // Core 1 was not there when its register began anew.
  test(
    `suspend: ${meter.self.resets} resets counted`,
    meter.self.resets !== 4 && 'two of core 0 and of the package were made',
  );
  const resumes = readLines(join(out, 'suspend.err')).filter((line) => line.includes('event=resume')).length;
  test(`suspend: the meter noticed ${resumes} of them`, resumes !== 2 && 'of two');
  return 0;
}

/**
 * The meter must know all that its perf events told of each core, and must charge nobody with anything else. How long it
 * takes to open one anew hides nothing: the new one begins where the old one ended, or when it was opened.
 */
function checkRun(out, run, report) {
  const { test, estimate, tell } = report;
  checkEnd(out, run, report);
  const meter = readSnapshots(join(out, `${run}.ndjson`));
  const truth = readTruth(join(out, `${run}.truth`));
  const { self } = meter;
  test(`${run}: every snapshot closes`, !(meter.openness <= CLOSURE) && `by ${meter.openness} in the worst`);
  test(`${run}: loses no row`, meter.lost > 0 && `${meter.lost} J`);
  let opened = 0;
  for (const [core, watched] of truth.watched) {
    const known = meter.zones.get(`core:0:${core}`) ?? 0;
    const rounding = REGISTER_J + EVENT_J * watched.opened;
    // What a register had not told yet when an event was opened or died is nobody's: a millisecond's worth at most.
    const untold = MOVE_J * (self.rebinds + self.gaps);
    const least = watched.joules - watched.resetJoules - rounding - untold;
    const most = watched.mostJoules + rounding;
    test(
      `${run}: core ${core}: ${known.toFixed(4)} J of ${watched.joules.toFixed(4)} J that its counters counted`,
      !(known >= least && known <= most) && `not between ${least} J and ${most} J`,
    );
    test(
      `${run}: core ${core}: resets hid ${watched.resetJoules.toFixed(4)} J`,
      watched.resetJoules > RESET_J * self.resets && `more than ${RESET_J} J each`,
    );
    test(
      `${run}: core ${core}: measured again after ${watched.blindSeconds.toFixed(2)} s at most`,
      watched.blindSeconds > BLIND_S && `more than ${BLIND_S} s`,
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
    estimate(
      `${run}: ${name} is charged ${text}`,
      charged > used * TOLERANCE + MOVE_J && 'more than it used',
    );
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
