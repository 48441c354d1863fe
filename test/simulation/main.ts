// SPDX-License-Identifier: Apache-2.0
import { BASELINES } from './baselines.ts';
import { writeTrace } from './file.ts';
import { ours } from './program.ts';
import { report } from './report.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';

const USAGE = `Usage: node build/simulation/main.js SCENARIO SEED OUT.trace   writes a trace (trace.h)
       node build/simulation/main.js --table [--seeds N]       prints how wrong the program and others are
Scenarios: ${Object.keys(SCENARIOS).join(' ')}
`;

function run(args: readonly string[]): boolean {
  const [first = '', second, third] = args;
  const scenario = SCENARIOS[first];
  if (scenario && args.length === 3 && Number.isSafeInteger(Number(second))) {
    const seed = Number(second);
    writeTrace(third!, simulate(scenario(seed), seed));
    return true;
  }
  const seeds = args.length === 1 ? 1 : Number(third);
  const asked = first === '--table' && (args.length === 1 || (args.length === 3 && second === '--seeds'));
  if (!asked || !Number.isSafeInteger(seeds) || seeds < 1) return false;
  process.stdout.write(report({ ours, ...BASELINES }, seeds));
  return true;
}

if (!run(process.argv.slice(2))) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
}
