// SPDX-License-Identifier: Apache-2.0
// What was learned of the package's counter, beside what was drawn of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSnapshots, readSnapshots, readTruth } from './truth.mjs';

/** Of what was drawn: a counter of 2^-16 J, windows of 2 ms and some seconds teach no more: 2 to 9 % in eight runs. */
const MOST_LEARNED = 0.15;
const MOST_OF_ONE = 0.35;
/** And of one task what it itself says that it may be off by: 95 % are within two standard deviations. */
const SIGMAS = 2;
/** The same of two tasks that are new, within 3 s. By time 57 % would be. */
const MOST_AFTERWARDS = 0.2;
/**
 * Of a task's run time, what must have been called learned for the task to be judged: where other CPUs are busy an
 * emulator wakes the thread late, and what it cannot see it must not claim.
 */
const LEAST_LEARNED = 0.6;

export function checkPackages(out, report) {
  const { test, estimate } = report;
  const learned = checkRun(out, 'learned', report);
  const time = checkRun(out, 'time', report);
  checkLearned(learned, estimate);
  estimate(
    'packages: by time it is not known',
    time.wrong > learned.wrong + 0.1 ? undefined : `${percent(time.wrong)} misattributed by time`,
  );
  test(
    'packages: by time nothing is called learned',
    time.tasks.some(({ covered }) => covered > 0) && 'it is',
  );
  checkFaults(out, report);
}

/** Jobs leads.sh: the CPU that reads the counter goes and comes back, and the machine sleeps. */
export function checkLeads(out, report) {
  const { test, estimate } = report;
  for (const name of ['leads', 'asleep']) {
    const run = checkRun(out, name, report);
    // What came first taught it what is nobody's.
    checkLearned(run, estimate, { most: MOST_AFTERWARDS, judged: /^(?!before|awake)/ });
    test(
      `${name}: the counter is read by another CPU`,
      !/event=rebind counter=package:0/.test(run.said) && run.said,
    );
    const prompt = readFileSync(join(out, `${name}.prompt`), 'utf8')
      .trim()
      .split('\n');
    test(
      `${name}: the thread that learns has its priority on whatever CPU`,
      prompt.some((threads) => threads === '0' || threads !== prompt[0]) &&
        `real-time threads: ${prompt.join(', ')}`,
    );
  }
  return 1;
}

/** It ended well, its ledger closes, and what it says of how it split is right. */
function checkRun(out, name, { test, tell }) {
  const run = readRun(out, name);
  test(`packages, ${name}: ends well`, run.exit === '0' ? undefined : `exit status ${run.exit}: ${run.said}`);
  test(
    `packages, ${name}: the ledger closes`,
    run.openness < 1e-6 ? undefined : `${run.openness} of it is open`,
  );
  test(`packages, ${name}: an error is told of what is learned, and of nothing else`, run.mislabelled);
  tell(`${name}: ${percent(run.wrong)} misattributed; ${run.tasks.map(taskText).join(', ')}`);
  return run;
}

/** Judges what was called learned of some tasks, and that it was enough. */
function checkLearned({ name, tasks: all }, estimate, { most = MOST_LEARNED, judged = /./ } = {}) {
  const tasks = all.filter((task) => judged.test(task.name));
  const wrong = misattributed(tasks);
  estimate(
    `packages, ${name}: what each drew is learned`,
    !(wrong < most) && `${percent(wrong)} misattributed`,
  );
  const worst = tasks.find((task) => !isRight(task));
  estimate(`packages, ${name}: of each task`, worst && taskText(worst));
  const least = tasks.find(({ covered }) => covered < LEAST_LEARNED);
  estimate(`packages, ${name}: nearly all the time`, least && taskText(least));
}

function checkFaults(out, report) {
  const { test, estimate } = report;
  const run = checkRun(out, 'faults', report);
  const events = run.said.match(/event=(?:learning|no_learning counter=\S+ why=\w+)/g) ?? [];
  const told = events.map((event) => /\w+$/.exec(event)[0]).join(' ');
  // What becomes slow stands still at first; beside what else runs a period is not always found at once.
  test(
    'packages: a counter that stops, goes on elsewhere and becomes slow is said to',
    !/^((unsteady|noise|learning) )*learning unmoved ((unsteady|noise|learning|unmoved) )*learning ((unmoved|unsteady|noise) )*virtual$/.test(
      told,
    ) && run.said,
  );
  const after = run.tasks.find(({ name }) => name.startsWith('after'));
  estimate(
    'packages: what is drawn behind a stop and a jump is charged as before',
    !(isRight(after) && after.covered > LEAST_LEARNED) && taskText(after),
  );
  const doctor = readFileSync(join(out, 'packages.doctor'), 'utf8');
  test('packages: doctor says that the counter is virtual', /virtual/.test(doctor) ? undefined : doctor);
}

/**
 * A run with what the tasks whose powers are known drew, and were charged with, J: of those that were ever called learned,
 * while they were. Their powers do not change, so that what they drew by then goes with their run time.
 */
function readRun(out, name) {
  const truth = readTruth(join(out, `${name}.truth`));
  // What a counter counted that was reset is not known: in that interval it has no zone.
  const snapshots = parseSnapshots(join(out, `${name}.ndjson`)).filter(({ zones }) => zones.length > 0);
  const tasks = [...truth.names].map(([task, pid]) => readTask(task, pid, truth, snapshots));
  return {
    name,
    tasks,
    wrong: misattributed(tasks),
    mislabelled: snapshots.map(mislabelled).find(Boolean),
    openness: readSnapshots(join(out, `${name}.ndjson`)).openness,
    exit: readFileSync(join(out, `${name}.exit`), 'utf8').trim(),
    said: readFileSync(join(out, `${name}.err`), 'utf8'),
  };
}

function readTask(name, pid, truth, snapshots) {
  const sums = { learned: { joules: 0, errors: 0, seconds: 0 }, all: { joules: 0, errors: 0, seconds: 0 } };
  for (const { zones, processes } of snapshots) {
    const its = processes.find((one) => one.pid === pid);
    if (!its) continue;
    for (const sum of zones[0].attribution === 'learned' ? [sums.learned, sums.all] : [sums.all]) {
      sum.joules += its.energy_j;
      // What is wrong with a learned power is wrong in all of its intervals: errors add up.
      sum.errors += its.energy_err_j ?? 0;
      sum.seconds += its.cpu_time_s;
    }
  }
  const judged = sums.learned.seconds > 0 ? sums.learned : sums.all;
  return {
    name,
    truth: (truth.processes.get(pid) * judged.seconds) / truth.seconds.get(pid),
    joules: judged.joules,
    error: judged.errors,
    covered: sums.learned.seconds / sums.all.seconds,
  };
}

function misattributed(tasks) {
  const all = tasks.reduce((joules, task) => joules + task.truth, 0);
  return tasks.reduce((joules, task) => joules + Math.abs(task.joules - task.truth), 0) / all;
}

/** Why a snapshot's label and its errors do not go together. */
function mislabelled({ time, zones, processes }) {
  const learned = zones[0].attribution === 'learned';
  const wrong = processes.find(
    ({ energy_j: joules, energy_err_j: error }) => joules > 0 && Number.isFinite(error) !== learned,
  );
  return wrong && `${time}: ${zones[0].attribution}, but ${JSON.stringify(wrong)}`;
}

function isRight({ joules, truth, error }) {
  return Math.abs(joules - truth) < Math.max(MOST_OF_ONE * truth, SIGMAS * error);
}

function taskText({ name, truth, joules, error, covered }) {
  const charged = `${joules.toFixed(2)} ± ${error.toFixed(2)} of ${truth.toFixed(2)} J`;
  return `${name} ${charged} (${percent(covered)} learned)`;
}

function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}
