// SPDX-License-Identifier: Apache-2.0
// Ends the run with what failed, a line each, and one plain line that any CI can read, after everything jest prints.
const { writeSync } = require('node:fs');
const { stripVTControlCharacters } = require('node:util');

module.exports = class PlainReporter {
  onRunComplete(_contexts, results) {
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `${results.numPassedTests} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}\n`;
    process.once('exit', () => writeSync(1, [...results.testResults.flatMap(failures), line].join('')));
  }
};

/** What failed in a file and why: the lines of the message that say what was found, without the trace. */
function failures({ testFilePath, testExecError, testResults }) {
  const fail = (what, message = '') => {
    const said = stripVTControlCharacters(message).split(/\n\s+at |\n\s*\d* *\|/)[0];
    return `FAIL ${what}: ${said.replace(/\s+/g, ' ').slice(0, 500)}\n`;
  };
  if (testExecError) return [fail(testFilePath, testExecError.message)];
  return testResults
    .filter(({ status }) => status === 'failed')
    .map(({ fullName, failureMessages }) => fail(fullName, failureMessages[0]));
}
