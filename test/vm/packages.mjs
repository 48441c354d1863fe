// SPDX-License-Identifier: Apache-2.0
// What was learned of the package's counter, beside what was drawn of it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSnapshots, readTruth } from './truth.mjs';

/** Of what was drawn: a counter of 2^-16 J, windows of 2 ms and some seconds teach no more. */
const MOST_LEARNED = 0.12;
const MOST_OF_ONE = 0.35;

export function checkPackages(out, { test, tell }) {
  const [learned, time] = ['learned', 'time'].map((name) => readRun(out, name));
  for (const run of [learned, time]) {
    test(
      `packages, ${run.name}: ends well`,
      run.exit === '0' ? undefined : `exit status ${run.exit}: ${run.said}`,
    );
    test(
      `packages, ${run.name}: the ledger closes`,
      run.openness < 1e-6 ? undefined : `${run.openness} of it is open`,
    );
    tell(`${run.name}: ${percent(run.wrong)} misattributed; ${run.tasks.map(taskText).join(', ')}`);
  }
  test(
    'packages: what each drew is learned',
    learned.wrong < MOST_LEARNED ? undefined : `${percent(learned.wrong)} misattributed`,
  );
  const worst = learned.tasks.find((task) => Math.abs(task.joules / task.truth - 1) > MOST_OF_ONE);
  test('packages: of each task', worst && taskText(worst));
  test(
    'packages: by time it is not known',
    time.wrong > learned.wrong + 0.1 ? undefined : `${percent(time.wrong)} misattributed by time`,
  );
  checkFaults(out, test, tell);
}

function checkFaults(out, test, tell) {
  const run = readRun(out, 'faults');
  tell(`faults: ${run.tasks.map(taskText).join(', ')}`);
  test('packages, faults: ends well', run.exit === '0' ? undefined : `exit status ${run.exit}: ${run.said}`);
  test(
    'packages, faults: the ledger closes',
    run.openness < 1e-6 ? undefined : `${run.openness} of it is open`,
  );
  const events = run.said.match(/event=(?:learning|no_learning counter=\S+ why=\w+)/g) ?? [];
  const told = events.map((event) => /\w+$/.exec(event)[0]).join(' ');
  // What becomes slow stands still at first; beside what else runs a period is not always found at once.
  test(
    'packages: a counter that stops, goes on elsewhere and becomes slow is said to',
    !/^(unsteady )*learning unmoved (unsteady )*learning (unmoved )?virtual$/.test(told) && run.said,
  );
  const after = run.tasks.find(({ name }) => name.startsWith('after'));
  test(
    'packages: what is drawn behind a stop and a jump is charged as before',
    Math.abs(after.joules / after.truth - 1) < MOST_OF_ONE ? undefined : taskText(after),
  );
  const doctor = readFileSync(join(out, 'packages.doctor'), 'utf8');
  test('packages: doctor says that the counter is virtual', /virtual/.test(doctor) ? undefined : doctor);
}

/** A run with what the tasks whose powers are known drew, and were charged with, J. */
function readRun(out, name) {
  const truth = readTruth(join(out, `${name}.truth`));
  const sums = readSnapshots(join(out, `${name}.ndjson`));
  const tasks = [...truth.names].map(([task, pid]) => ({
    name: task,
    truth: truth.processes.get(pid),
    joules: sums.processes.get(pid) ?? 0,
  }));
  const all = tasks.reduce((joules, task) => joules + task.truth, 0);
  const wrong = tasks.reduce((joules, task) => joules + Math.abs(task.joules - task.truth), 0);
  return {
    name,
    tasks,
    wrong: wrong / all,
    openness: sums.openness,
    exit: readFileSync(join(out, `${name}.exit`), 'utf8').trim(),
    said: readFileSync(join(out, `${name}.err`), 'utf8'),
  };
}

function taskText({ name, truth, joules }) {
  return `${name} ${joules.toFixed(2)} of ${truth.toFixed(2)} J`;
}

function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}
