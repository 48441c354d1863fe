// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { describeWithProgram } from '../support/programs.ts';
import { manual } from '../../src/settings/manual.ts';
import { COMMAND, RECORDER, rowsOf } from '../../src/settings/table.ts';
import { VARIABLES } from '../../src/settings/variables.ts';
import { VERB_NAMES } from '../../src/settings/verbs.ts';

const PAGE = manual('1.2.3');

/** Runs a program on the page. */
function through(program: string, args: readonly string[]): { said: string; text: string } {
  const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' };
  const { stdout, stderr } = spawnSync(program, args, { input: PAGE, encoding: 'utf8', env });
  return { said: stderr, text: stdout };
}

describeWithProgram('man', 'the manual page, by man', () => {
  it('is set without a warning', () => {
    const { said, text } = through('man', ['--warnings', '-l', '-']);
    expect(said).toBe('');
    expect(text).toContain('otel-ebpf-energy 1.2.3');
  });
});

describeWithProgram('mandoc', 'the manual page, by mandoc', () => {
  it('has nothing to be warned of, but for the date that it has not', () => {
    const { text } = through('mandoc', ['-T', 'lint', '-W', 'warning']);
    expect(text.split('\n').filter((line) => line !== '' && !line.includes('missing date'))).toEqual([]);
  });

  it('names every verb, option, key and variable', () => {
    // Bold is struck twice: a letter, a step back, and the letter.
    const struck = through('mandoc', ['-T', 'utf8']).text.split('\b');
    const text = struck.map((part, i) => (i < struck.length - 1 ? part.slice(0, -1) : part)).join('');
    const settings = rowsOf({ ...RECORDER, ...COMMAND }).map(([, setting]) => setting);
    for (const verb of VERB_NAMES) expect(text).toMatch(new RegExp(`^ {5,7}${verb}\\b`, 'm'));
    for (const { option, short, key } of settings) {
      if (option !== undefined) expect(text).toContain(`${short ? `-${short}, ` : ''}--${option}`);
      if (key !== undefined) expect(text).toMatch(new RegExp(`^ {5,7}${key}( |$)`, 'm'));
    }
    for (const variable of Object.values(VARIABLES).flatMap(({ variables }) => variables))
      expect(text).toContain(variable);
  });
});
