// SPDX-License-Identifier: Apache-2.0
// What a guest brought home from the job accuracy.sh, against the module's truth.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSnapshots, readTruth } from './truth.mjs';

export const CLOSURE = 1e-6;
/** The registers count in 2^-16 J: a sum of some of them may miss as many. */
export const REGISTER_J = 8 * 2 ** -16;
/**
 * Of what a process or cgroup used; where it ran first, when neither its power nor that of anything beside it was known, or
 * beside another that is new, from which it must be told apart: half a second of five with a power that is a third off; and
 * of the lighter one of two such, of which the same error is up to three times as great a part.
 */
const TOLERANCE = 0.03;
const TOLERANCE_FIRST = 0.05;
const TOLERANCE_LIGHTER = 3 * TOLERANCE_FIRST;

/**
 * Alone on a core, in bursts of 100 and 5 ms, on the threads of a core at once for a part of their time, in turns on
 * one CPU: powers that can be learned.
 */
const JUDGED = {
  'alone@6000': TOLERANCE_FIRST,
  'other@5000': TOLERANCE,
  'slow@6000': TOLERANCE,
  'fast@6000': TOLERANCE,
  'part@6000': TOLERANCE_FIRST,
  'part@3000': TOLERANCE_LIGHTER,
  'turns@6000': TOLERANCE_FIRST,
  'turns@2000': TOLERANCE_LIGHTER,
};
/** Always at the same time on the threads of a core: nothing but their sum can be known. */
const PAIRS = [
  ['twin0@4000', 'twin1@4000'],
  ['high@6000', 'low@2000'],
];

/**
 * Calls `test(name, why)`, `why` being false for what is right, `estimate(name, why)` for what the meter learned, and
 * `tell(text)` for mere facts.
 */
export function checkAccuracy(out, { test, estimate, tell }) {
  const read = (name) => readFileSync(join(out, name), 'utf8').trim();
  const programs = read('core.programs')
    .split('\n')
    .map((line) => line.split(' '));
  test(
    'loads and attaches its programs',
    !programs.some(([name]) => name.startsWith('sched_switch')) && 'no sched_switch program',
  );
  tell(
    `instructions the verifier went through: ${programs.map(([name, count]) => `${name} ${count}`).join(', ')}`,
  );
  for (const source of ['core', 'estimated']) {
    test(
      `doctor can measure (${source})`,
      !/^\+ measuring/m.test(read(`${source}.doctor`)) && read(`${source}.doctor`),
    );
    for (const line of read(`${source}.doctor`).split('\n')) tell(`doctor (${source}): ${line}`);
  }
  const runs = {
    core: ['power_core', 'measured'],
    early: ['power_per_core', 'measured'],
    package: ['power', 'apportioned'],
    estimated: ['estimated', 'estimated'],
  };
  for (const [run, [name, kind]] of Object.entries(runs)) {
    if (!existsSync(join(out, `${run}.ndjson`)) || read(`${run}.ndjson`) === '') {
      test(`${name}: measures`, read(`${run}.err`) || 'no snapshot');
      continue;
    }
    checkRun(
      {
        name,
        kind,
        hasPackage: run === 'core',
        meter: readSnapshots(join(out, `${run}.ndjson`)),
        exit: read(`${run}.exit`),
        truth: run === 'estimated' ? null : readTruth(join(out, `${run}.truth`)),
      },
      { test, estimate, tell },
    );
  }
  checkStat(JSON.parse(read('stat.json')), readTruth(join(out, 'stat.truth')), estimate);
}

function checkRun({ name, kind, hasPackage, meter, truth, exit }, { test, estimate, tell }) {
  test(
    `${name}: is chosen, says ${kind}, ends with 0`,
    !(meter.source.name === name && meter.source.kind === kind && exit === '0') &&
      `${JSON.stringify(meter.source)}, exit status ${exit}`,
  );
  test(`${name}: every snapshot closes`, !(meter.openness <= CLOSURE) && `by ${meter.openness} in the worst`);
  if (!truth) return;
  const known = [...truth.cores.values()].reduce((sum, joules) => sum + joules, 0);
  if (kind === 'apportioned') {
    const whole = known + truth.uncore;
    test(
      `${name}: counts what the package's counter counted`,
      differs(meter.counter, whole) && `${meter.counter} J of ${whole} J`,
    );
    return;
  }
  checkCores(name, meter, truth, test);
  const missed = meter.unattributed - meter.shared;
  test(`${name}: leaves nothing of the cores unattributed`, missed > REGISTER_J && `${missed} J`);
  // Without a counter of the package (early) nothing is known of the rest.
  const shared = hasPackage ? truth.uncore : 0;
  test(
    `${name}: ${hasPackage ? 'what the package counted beyond its cores is shared' : 'nothing is shared'}`,
    differs(meter.shared, shared) && `${meter.shared} J of ${shared} J`,
  );
  const compare = (what, counted = 0, joules = 0) => ({
    text: `${what} ${counted.toFixed(3)} J of ${joules.toFixed(3)} J (${percent(counted / joules - 1)})`,
    off: Math.abs(counted / joules - 1),
  });
  const charged = (task) => meter.processes.get(truth.names.get(task)) ?? 0;
  const used = (task) => truth.processes.get(truth.names.get(task)) ?? 0;
  const ran = (task) => truth.names.has(task);
  for (const [task, most] of Object.entries(JUDGED).filter(([one]) => ran(one))) {
    const { text, off } = compare(task, charged(task), used(task));
    estimate(`${name}: ${text}`, off > most && `more than ${percent(most)} off`);
  }
  for (const [one, other] of PAIRS.filter((pair) => pair.every(ran))) {
    const { text, off } = compare(
      `${one} and ${other}`,
      charged(one) + charged(other),
      used(one) + used(other),
    );
    estimate(`${name}: ${text}`, off > TOLERANCE && `more than ${percent(TOLERANCE)} off`);
    tell(`${name}: ${[one, other].map((task) => compare(task, charged(task), used(task)).text).join(', ')}`);
  }
  for (const path of ['/a', '/a/b'].filter((group) => meter.paths.has(group))) {
    const id = meter.paths.get(path);
    const { text, off } = compare(`cgroup ${path}`, meter.cgroups.get(id), truth.cgroups.get(id));
    estimate(`${name}: ${text}`, off > TOLERANCE_FIRST && `more than ${percent(TOLERANCE_FIRST)} off`);
  }
  tell(`${name}: idle ${meter.idle.toFixed(3)} J of ${truth.idle.toFixed(3)} J`);
}

function checkCores(name, meter, truth, test) {
  for (const [core, joules] of truth.cores) {
    const counted = meter.cores.get(`0:${core}`) ?? 0;
    test(
      `${name}: charges on core ${core} what its counter counted`,
      differs(counted, joules) && `${counted} J of ${joules} J`,
    );
  }
}

/**
 * The job race.sh: nothing is lost and nothing counted twice. Not who is charged with it: a host with load may stop a CPU
 * between its look at the clock and its look at the counter, and what a core drew meanwhile is more than it can have.
 */
export function checkRace(out, { test }) {
  const meter = readSnapshots(join(out, 'race.ndjson'));
  test('race: every snapshot closes', !(meter.openness <= CLOSURE) && `by ${meter.openness} in the worst`);
  for (const [core, joules] of readTruth(join(out, 'race.truth')).cores) {
    const counted = meter.zones.get(`core:0:${core}`) ?? 0;
    test(
      `race: knows of core ${core} what its counter counted`,
      differs(counted, joules) && `${counted} J of ${joules} J`,
    );
  }
}

function checkStat(stat, truth, estimate) {
  const joules = truth.processes.get(truth.names.get('stat@6000'));
  const off = stat.energy_j / joules - 1;
  estimate(
    `stat: command ${stat.energy_j.toFixed(3)} J of ${joules.toFixed(3)} J (${percent(off)})`,
    Math.abs(off) > TOLERANCE && `more than ${percent(TOLERANCE)} off`,
  );
}

function differs(counted, known) {
  return Math.abs(counted - known) > CLOSURE * known + REGISTER_J;
}

function percent(part) {
  return `${part >= 0 ? '+' : ''}${(100 * part).toFixed(2)} %`;
}
