// SPDX-License-Identifier: Apache-2.0
import { BASELINES } from './baselines.ts';
import { writeTrace } from './file.ts';
import { report } from './report.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';

const USAGE = `Usage: node build/simulation/main.js SCENARIO SEED OUT.trace   writes a trace (trace.h)
       node build/simulation/main.js --table [--seeds N]       prints how wrong the baselines are
Scenarios: ${Object.keys(SCENARIOS).join(' ')}
`;

function run([first = '', second, third, ...rest]: readonly string[]): boolean {
  const seed = Number(second);
  const scenario = SCENARIOS[first];
  if (scenario && Number.isSafeInteger(seed) && third !== undefined && rest.length === 0) {
    writeTrace(third, simulate(scenario(seed), seed));
    return true;
  }
  const seeds = second === undefined ? 1 : Number(third);
  if (first !== '--table' || (second ?? '--seeds') !== '--seeds' || !(seeds >= 1) || rest.length > 0)
    return false;
  process.stdout.write(report(BASELINES, seeds));
  return true;
}

if (!run(process.argv.slice(2))) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}
