// SPDX-License-Identifier: Apache-2.0
// What `joules verify` said of counters that are right, and of each fault: jobs verify.sh and verify-package.sh.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Which verdicts may be; which check must have failed, and for which reason; which must say that time split is what it is. */
const CORES = {
  right: { verdict: 'PASS' },
  frozen: { verdict: 'FAIL', check: 'moves', reason: /frozen/ },
  whole: { verdict: 'FAIL', check: 'own', reason: /counted several times/ },
  scale: { verdict: 'FAIL', check: 'scale', reason: /is the most: wrong scale/ },
  slight: { verdict: 'FAIL', check: 'scale', reason: /of which they are a part: wrong scale/ },
  noise: { verdict: 'FAIL', check: 'noise', reason: /varies/ },
  hidden: { verdict: 'FAIL', check: 'cpus', reason: /hides CPU 3/ },
};
const PACKAGE = {
  // Whether powers are learned in so short a time depends on how fast the machine is emulated.
  learned: { verdict: 'PASS or CANNOT TELL' },
  right: { verdict: 'PASS', expected: ['turns', 'apart', 'free'] },
  frozen: { verdict: 'FAIL', check: 'moves', reason: /frozen/ },
  die: { verdict: 'FAIL', check: 'own', reason: /counted several times/ },
  noise: { verdict: 'FAIL', check: 'noise', reason: /varies/ },
};
const STATUS = { PASS: '0', FAIL: '1', 'CANNOT TELL': '3' };

export const checkVerify = (out, report) => checkRuns('verify', CORES, out, report);
export const checkVerifyPackage = (out, report) => checkRuns('verify-package', PACKAGE, out, report);

function checkRuns(job, runs, out, { test, estimate, tell }) {
  for (const [run, { verdict, check, reason, expected = [] }] of Object.entries(runs)) {
    const read = (ending) => readFileSync(join(out, `${run}.${ending}`), 'utf8').trim();
    if (read('json') === '') {
      test(`${job}, ${run}: comes to a verdict`, read('err') || 'nothing was said');
      continue;
    }
    const found = JSON.parse(read('json'));
    const { checks } = found;
    for (const { name, result, text } of checks) tell(`${job}, ${run}: ${result} ${name}: ${text}`);
    const objections = checks
      .filter(({ result }) => result === 'fail' || result === 'cannot tell')
      .map(({ name, result, text }) => `${result} ${name}: ${text}`);
    estimate(
      `${job}, ${run}: says ${verdict}, and with its exit status`,
      !(verdict.split(' or ').includes(found.verdict) && read('exit') === STATUS[found.verdict]) &&
        [`${found.verdict}, exit status ${read('exit')}`, ...objections].join('; '),
    );
    const named = (wanted) => checks.find(({ name }) => name === wanted);
    if (check) {
      const { result, text } = named(check);
      estimate(
        `${job}, ${run}: the reason is in ${check}`,
        !(result === 'fail' && reason.test(text)) && `${result}: ${text}`,
      );
    }
    for (const name of expected)
      estimate(
        `${job}, ${run}: says what time split does (${name})`,
        named(name).result !== 'expected' && named(name).text,
      );
  }
}
