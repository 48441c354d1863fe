// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT, ROUNDS, table } from './tools.mjs';

const { mean, median } = createRequire(import.meta.url)('../../dist/verify/statistics.js');

/** Energy that is run time: a clock, which counts while the CPU runs a process, whatever others do. */
const TSC = 'perf:msr/tsc/,scope=cpu,joules=1e-9,kind=measured';
const TIMES = Number(process.env['TIMES'] ?? 20);
const PAIRS = Number(process.env['PAIRS'] ?? 10);

const counting = (to) => ['sh', '-c', `n=0; while [ $n -lt ${to} ]; do n=$((n+1)); done`];
const WORK = 100_000;

/** What `joules stat --compare` says of a command and one with so many times its work. */
function compare(work) {
  const args = ['stat', '--source', TSC, '--compare', '-r', String(PAIRS), '--json'];
  const words = [...args, '--', ...counting(WORK), '--', ...counting(Math.round(WORK * work))];
  return JSON.parse(execFileSync(join(ROOT, 'bin/joules'), words, { encoding: 'utf8' }));
}

function verdicts(work) {
  const found = Array.from({ length: TIMES }, () => compare(work));
  const count = (...verdict) => found.filter((one) => verdict.includes(one.verdict)).length;
  const percent = (ratio) => ((ratio - 1) * 100).toFixed(1);
  const widths = found.map(({ low, high }) => ((high - low) / 2) * 100);
  const others = found
    .flatMap(({ runs }) => runs)
    .map(({ others_j, machine_j }) => (others_j / machine_j) * 100);
  return [
    `A against ${work === 1 ? 'A' : `${work} A`}`,
    count('MORE'),
    count('LESS'),
    count('same'),
    count('cannot tell'),
    `${percent(mean(found.map(({ ratio }) => ratio)))} %`,
    `±${mean(widths).toFixed(1)} %`,
    found.filter(({ low, high }) => low <= work && work <= high).length,
    `${mean(others).toFixed(0)} %`,
  ];
}

/** CPU time of a program and its children, user and system, ms. */
function cpuMs(words) {
  const script = 'TIMEFORMAT="%3U %3S"; time "$@" > /dev/null 2> /dev/null';
  const text = execFileSync('bash', ['-c', `{ ${script}; } 2>&1`, 'bash', ...words], { encoding: 'utf8' });
  const [user, system] = text.trim().split(' ').map(Number);
  return (user + system) * 1000;
}

/** What it costs to measure a command that does nothing, above node that does nothing. */
function startUp() {
  const joules = [join(ROOT, 'bin/joules')];
  const rows = [
    ['node -e 0', [process.execPath, '-e', '0']],
    ['joules --version', [...joules, '--version']],
    ['joules stat true, estimated', [...joules, 'stat', '--source', 'estimated', 'true']],
    ['joules stat true, a counter read in BPF', [...joules, 'stat', '--source', TSC, 'true']],
  ];
  const spent = rows.map(() => []);
  for (let round = 0; round < 2 * ROUNDS; round++)
    rows.forEach(([, words], i) => spent[i].push(cpuMs(words)));
  const cells = rows.map(([name], i) => {
    const above = spent[i].map((ms, round) => ms - spent[0][round]);
    return [name, median(spent[i]).toFixed(0), i === 0 ? '' : median(above).toFixed(0)];
  });
  return table(['CPU time, ms', 'median', 'above the first, pair by pair'], cells);
}

/** How well two commands are told apart, and what `joules stat` itself costs. */
export default function stat() {
  const head = [
    `${PAIRS} pairs, ${TIMES} times`,
    'MORE',
    'LESS',
    'same',
    'cannot tell',
    'mean difference',
    'half interval',
    'truth within',
    "others' part of the machine",
  ];
  return `# Comparing two commands\n\n${table(head, [1, 1.1].map(verdicts))}\n\n${startUp()}`;
}
