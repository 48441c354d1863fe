// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { help, readmeTables } from '../../src/settings/help.ts';
import { COMMAND, RECORDER, rowsOf } from '../../src/settings/table.ts';
import { VARIABLES } from '../../src/settings/variables.ts';

const README = readFileSync(join(__dirname, '../../README.md'), 'utf8');

/** Rows of a Markdown table, however its columns are aligned. */
function rows(table: string): string[] {
  const lines = table.trim().split('\n');
  return lines.map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-'));
}

describe("the README's tables of settings", () => {
  it.each([...readmeTables()])(
    '%s is the one in the code (`npm run format` writes it anew)',
    (name, table) => {
      const [, written = ''] = new RegExp(`<!-- table: ${name} -->(.*?)<!-- end -->`, 's').exec(README) ?? [];
      expect(rows(written)).toEqual(rows(table));
    },
  );

  it('give all names of a setting', () => {
    const tables = [...readmeTables().values()].join('\n');
    for (const [name, { option, key }] of rowsOf({ ...RECORDER, ...COMMAND })) {
      for (const one of [option && `--${option}`, key, key && name])
        if (one) expect(tables).toContain(`\`${one}\``);
    }
    for (const { variables } of Object.values(VARIABLES)) {
      for (const variable of variables) expect(tables).toContain(`\`${variable}\``);
    }
  });
});

describe('--help', () => {
  it('lists every option, in lines of 80 columns but for what cannot be broken', () => {
    const lines = help().split('\n');
    const options = rowsOf({ ...RECORDER, ...COMMAND }).flatMap(([, { option }]) => option ?? []);
    expect(lines.flatMap((line) => /^ {2}--([\w.-]+)/.exec(line)?.[1] ?? [])).toEqual([...options, 'help']);
    expect(lines.filter((line) => line.length > 80 && line.trim().includes(' '))).toEqual([]);
  });
});
