// SPDX-License-Identifier: Apache-2.0
// What `joules verify` said of counters that are right, and of each fault: job verify.sh.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Which verdict, and which check must have failed for which reason. */
const EXPECTED = {
  right: { verdict: 'PASS' },
  frozen: { verdict: 'FAIL', check: 'moves', reason: /frozen/ },
  whole: { verdict: 'FAIL', check: 'own', reason: /counted several times/ },
  scale: { verdict: 'FAIL', check: 'scale', reason: /wrong scale/ },
  alone: { verdict: 'FAIL', check: 'scale', reason: /is the most: wrong scale/ },
  slight: { verdict: 'FAIL', check: 'scale', reason: /of which they are a part: wrong scale/ },
  noise: { verdict: 'FAIL', check: 'noise', reason: /varies/ },
  hidden: { verdict: 'FAIL', check: 'cpus', reason: /hides CPU 3/ },
};
const STATUS = { PASS: '0', FAIL: '1', 'CANNOT TELL': '3' };

export function checkVerify(out, { test, tell }) {
  for (const [run, { verdict, check, reason }] of Object.entries(EXPECTED)) {
    const read = (ending) => readFileSync(join(out, `${run}.${ending}`), 'utf8').trim();
    if (read('json') === '') {
      test(`verify, ${run}: comes to a verdict`, read('err') || 'nothing was said');
      continue;
    }
    const found = JSON.parse(read('json'));
    for (const { name, result, text } of found.checks) tell(`verify, ${run}: ${result} ${name}: ${text}`);
    test(
      `verify, ${run}: says ${verdict}, and with its exit status`,
      !(found.verdict === verdict && read('exit') === STATUS[verdict]) &&
        `${found.verdict}, exit status ${read('exit')}`,
    );
    if (!check) continue;
    const { result, text } = found.checks.find(({ name }) => name === check);
    test(
      `verify, ${run}: the reason is in ${check}`,
      !(result === 'fail' && reason.test(text)) && `${result}: ${text}`,
    );
  }
}
