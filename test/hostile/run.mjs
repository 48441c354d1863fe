// SPDX-License-Identifier: Apache-2.0
// `npm run test:hostile [-- MINUTES]`: what would take too long for `npm test`. The tests of this folder in their long form,
// then a soak of that many minutes (60). The last line is the plain `N passed, N failed` of both together.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [minutes = '60'] = process.argv.slice(2);
const jest = fileURLToPath(new URL('../../node_modules/.bin/jest', import.meta.url));
const soak = fileURLToPath(new URL('soak.mjs', import.meta.url));
const steps = [
  [jest, '--testTimeout', '3600000', 'test/hostile'],
  [soak, minutes],
];
const total = { passed: 0, failed: 0 };
for (const step of steps) {
  const { stdout, status } = spawnSync(process.execPath, step, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, JOULES_HOSTILE: 'long' },
  });
  const told = stdout.trimEnd().split('\n');
  const counts = /^(\d+) passed, (\d+) failed/.exec(told.pop() ?? '');
  for (const line of told) console.log(line);
  total.passed += Number(counts?.[1] ?? 0);
  total.failed += Number(counts?.[2] ?? 0);
  // What ended in another way has failed, whatever it counted.
  if (!counts || (status !== 0 && counts[2] === '0')) total.failed++;
}
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
