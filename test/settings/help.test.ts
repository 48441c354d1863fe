// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { help, helpOfAll, longVerbHelp, verbHelp } from '../../src/settings/help.ts';
import { optionsOf } from '../../src/settings/options.ts';
import { settingsTables } from '../../src/settings/markdown.ts';
import { COMMAND, RECORDER, rowsOf } from '../../src/settings/table.ts';
import { VARIABLES } from '../../src/settings/variables.ts';
import { VERB_NAMES } from '../../src/settings/verbs.ts';

const DOCUMENT = readFileSync(join(__dirname, '../../docs/settings.md'), 'utf8');

/** Rows of a Markdown table, however its columns are aligned. */
function rows(table: string): string[] {
  const lines = table.trim().split('\n');
  return lines.map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-'));
}

describe('the tables in docs/settings.md', () => {
  it.each([...settingsTables()])(
    '%s is the one in the code (`npm run format` writes it anew)',
    (name, table) => {
      const [, written = ''] =
        new RegExp(`<!-- table: ${name} -->(.*?)<!-- end -->`, 's').exec(DOCUMENT) ?? [];
      expect(rows(written)).toEqual(rows(table));
    },
  );

  it('give all names of a setting', () => {
    const tables = [...settingsTables().values()].join('\n');
    for (const [name, { option, key }] of rowsOf({ ...RECORDER, ...COMMAND })) {
      for (const one of [option && `--${option}`, key, key && name])
        if (one) expect(tables).toContain(`\`${one}\``);
    }
    for (const { variables } of Object.values(VARIABLES)) {
      for (const variable of variables) expect(tables).toContain(`\`${variable}\``);
    }
  });
});

/** Lines that a terminal of 80 columns would break, though they have blanks to break them at. */
function tooLong(text: string): string[] {
  return text.split('\n').filter((line) => line.length > 80 && line.trim().includes(' '));
}

describe('--help', () => {
  it.each<readonly [string, string]>([
    ['of all', help()],
    ...VERB_NAMES.map((verb) => [verb, verbHelp(verb)] as const),
  ])('%s fits a terminal of 80 columns and 24 lines', (_, text) => {
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    // The last line is where the shell asks for what comes next.
    expect(text.trimEnd().split('\n').length).toBeLessThan(24);
  });

  it.each(VERB_NAMES)('of %s names each of its options, the rare ones at the end', (verb) => {
    const text = verbHelp(verb);
    for (const [, { option, short }] of optionsOf(verb)) {
      expect(text).toContain(`--${option}`);
      if (short !== undefined) expect(text).toMatch(new RegExp(`^  -${short}, --${option}`, 'm'));
    }
  });

  it('names each verb', () => {
    for (const verb of VERB_NAMES) expect(help()).toMatch(new RegExp(`^  ${verb} +\\S`, 'm'));
  });

  it('--all has every option of each verb, and its default', () => {
    for (const verb of VERB_NAMES) {
      const found = [...longVerbHelp(verb).matchAll(/^ {2}(?:-\w,| {3}) --([\w.-]+)/gm)].map(
        ([, name]) => name,
      );
      expect(found).toEqual([...optionsOf(verb).map(([, { option }]) => option), 'version']);
    }
    expect(tooLong(helpOfAll())).toEqual([]);
    expect(longVerbHelp('top')).toContain('(default: learned)');
  });
});

describe('the letters of options', () => {
  it('mean one thing each, whatever the verb, so that options may stand before it', () => {
    const settings = rowsOf({ ...RECORDER, ...COMMAND }).map(([, setting]) => setting);
    const letters = [...settings.flatMap(({ short }) => short ?? []), 'h', 'V'];
    expect(letters).toEqual([...new Set(letters)]);
    expect(letters.filter((letter) => letter.length !== 1)).toEqual([]);
  });
});
