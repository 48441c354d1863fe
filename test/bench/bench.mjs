// SPDX-License-Identifier: Apache-2.0
// `npm run bench [-- NAME…]` prints Markdown tables. All figures of a row come from one interleaved run.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import accuracy from './accuracy.mjs';
import agent from './agent.mjs';
import attach from './attach.mjs';
import drain from './drain.mjs';
import learner from './learner.mjs';
import page from './page.mjs';
import readers from './readers.mjs';
import series from './series.mjs';
import requests from './requests.mjs';
import pipe from './pipe.mjs';
import rates from './rates.mjs';
import stat from './stat.mjs';
import switches from './switches.mjs';
import { HERE, ROUNDS } from './tools.mjs';
import top from './top.mjs';
import verifier from './verifier.mjs';

const TABLES = {
  accuracy,
  switches,
  rates,
  pipe,
  verifier,
  drain,
  learner,
  agent,
  attach,
  readers,
  series,
  page,
  stat,
  top,
  requests,
};

const asked = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(TABLES);
const unknown = asked.find((name) => !Object.hasOwn(TABLES, name));
if (unknown === undefined) {
  execFileSync('make', ['-s', '-C', HERE], { stdio: 'inherit' });
  const cpu = /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1];
  console.log(`Linux ${release()}, ${cpu}, ${ROUNDS} interleaved rounds, medians (spread: MAD as σ).`);
  for (const name of asked) console.log(`\n${await TABLES[name]()}`);
} else {
  console.error(`bench: no table "${unknown}"; there are ${Object.keys(TABLES).join(', ')}`);
  process.exitCode = 2;
}
