// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from 'node:util';
import { BASELINES } from './baselines.ts';
import { writeTrace } from './file.ts';
import { WORLDS } from './package/hardware.ts';
import { LOADS } from './package/loads.ts';
import { complaint, run } from './package/run.ts';
import { SIZES, type TableOptions, tables } from './package/table.ts';
import { bpfAlone, ours } from './program.ts';
import { report } from './report.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';

const USAGE = `Usage: node test/simulation/main.js SCENARIO SEED OUT.trace
         writes a trace of cores that have counters (trace.h)
       node test/simulation/main.js --package LOAD THREADS PACKAGES SEED SECONDS [--world NAME=VALUE,...]
         meters packages of so many threads each, and prints how wrong that was, as JSON
       node test/simulation/main.js --table [cores] [--seeds N|N-N]
         prints how wrong the program and others are, where cores have counters
       node test/simulation/main.js --table [packages] [--seeds N|N-N] [--sizes 1x4,...] [--loads batch,...]
                                    [--seconds S] [--world NAME=VALUE,...]
         the same of packages, beside the goals; without a word both
Scenarios: ${Object.keys(SCENARIOS).join(' ')}
Loads: ${Object.keys(LOADS).join(' ')}
Sizes: ${SIZES.join(' ')}
Worlds: ${WORLDS.join(' ')}
`;

const OPTIONS = {
  package: { type: 'boolean' },
  table: { type: 'boolean' },
  seeds: { type: 'string' },
  sizes: { type: 'string' },
  loads: { type: 'string' },
  seconds: { type: 'string' },
  world: { type: 'string' },
} as const;

type Values = Partial<Record<Exclude<keyof typeof OPTIONS, 'package' | 'table'>, string>>;

/** Resolves to what is wrong with the arguments, if anything is; '': how they are used says it. */
async function main(args: string[]): Promise<string | undefined> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  if (values.package) return meter(positionals, values);
  if (values.table) return print(positionals, values);
  const [name = '', seed, file] = positionals;
  if (!Object.hasOwn(SCENARIOS, name) || !isWhole(seed) || file === undefined) return '';
  writeTrace(file, simulate(SCENARIOS[name]!(Number(seed)), Number(seed)));
  return undefined;
}

async function meter(positionals: readonly string[], { world = '' }: Values): Promise<string | undefined> {
  const [load = '', ...numbers] = positionals;
  if (numbers.length !== 4 || !numbers.every(isWhole)) return '';
  const [width, packages, seed, seconds] = numbers.map(Number) as [number, number, number, number];
  const options = { load, threads: width * packages, packages, seed, seconds, world };
  const wrong = complaint(options);
  if (wrong === undefined) process.stdout.write(`${JSON.stringify(await run(options), null, 2)}\n`);
  return wrong;
}

async function print(positionals: readonly string[], values: Values): Promise<string | undefined> {
  const [which] = positionals;
  const { seeds = '1', seconds = '60', world = '' } = values;
  if (positionals.length > 1 || ![undefined, 'cores', 'packages'].includes(which)) return '';
  const [first, last] = seeds.includes('-') ? seeds.split('-') : ['1', seeds];
  if (!isWhole(first) || !isWhole(last) || !isWhole(seconds)) return '';
  const all = Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
  if (which !== 'packages') process.stdout.write(report({ ours, 'BPF alone': bpfAlone, ...BASELINES }, all));
  if (which === 'cores') return undefined;
  if (which === undefined) process.stdout.write('\n');
  const options: TableOptions = {
    sizes: values.sizes?.split(',') ?? SIZES,
    loads: values.loads?.split(',') ?? Object.keys(LOADS),
    seeds: all,
    seconds: Number(seconds),
    world,
  };
  for await (const text of tables(options)) process.stdout.write(text);
  return undefined;
}

function isWhole(text: string | undefined): boolean {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text);
}

void main(process.argv.slice(2))
  .catch((error: unknown) => (error as Error).message)
  .then((wrong) => {
    if (wrong === undefined) return;
    process.stderr.write(wrong === '' ? USAGE : `simulation: ${wrong}\n`);
    process.exitCode = 2;
  });
