// SPDX-License-Identifier: Apache-2.0
// What is printed, and counted.

const count = { passed: 0, failed: 0, skipped: 0 };

/** `why` is false for what is right. */
export function test(what, why) {
  count[why ? 'failed' : 'passed'] += 1;
  console.log(`${why ? 'FAIL' : 'ok  '} ${what}${why ? `: ${why}` : ''}`);
}

/** Mere facts. */
export function tell(text) {
  console.log(`     ${text}`);
}

export function skip(what, error) {
  count.skipped += 1;
  console.log(`skip ${what}: ${error.message}`);
}

/** Prints the last line. */
export function summary() {
  const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : '';
  console.log(`${count.passed} passed, ${count.failed} failed${skipped}`);
}

export const hasFailed = () => count.failed > 0;
