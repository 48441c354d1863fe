// SPDX-License-Identifier: Apache-2.0
// Two tasks that take turns every few microseconds: what each was charged with, beside what it drew. By time half of it is
// wrong, by what BPF learns alone 5 to 27 %, and 7 to 18 % by what is learned beside it in runs of a few seconds, up to 30 % in
// some. How well is told; what is judged is that it is far nearer than time.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CLOSURE } from './checks.mjs';
import { readSnapshots, readTruth } from './truth.mjs';

const TASKS = ['heavy@6000', 'light@2000'];

const MOST = 0.4;

export function checkTurns(out, { test, estimate, tell }) {
  const [learned, byBpf] = ['learned', 'time'].map((name) => {
    const meter = readSnapshots(join(out, `${name}.ndjson`));
    const truth = readTruth(join(out, `${name}.truth`));
    const exit = readFileSync(join(out, `${name}.exit`), 'utf8').trim();
    test(`turns, ${name}: ends well`, exit !== '0' && readFileSync(join(out, `${name}.err`), 'utf8'));
    test(
      `turns, ${name}: every snapshot closes`,
      !(meter.openness <= CLOSURE) && `by ${meter.openness} in the worst`,
    );
    return misattributed(name, meter, truth, tell);
  });
  estimate(
    'turns: learning tells the two apart',
    !(learned <= MOST) && `${percent(learned)} misattributed, more than ${percent(MOST)}`,
  );
  tell(`turns: ${percent(learned)} misattributed, and ${percent(byBpf)} without learning beside BPF`);
}

function misattributed(name, meter, truth, tell) {
  let wrong = 0;
  let all = 0;
  for (const task of TASKS) {
    const pid = truth.names.get(task);
    const [charged, drawn] = [meter.processes.get(pid) ?? 0, truth.processes.get(pid) ?? 0];
    tell(`${name}: ${task} ${charged.toFixed(2)} J of ${drawn.toFixed(2)} J`);
    wrong += Math.abs(charged - drawn);
    all += drawn;
  }
  return wrong / all;
}

function percent(part) {
  return `${(100 * part).toFixed(1)} %`;
}
