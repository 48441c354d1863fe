// SPDX-License-Identifier: Apache-2.0
// Writes the tables of docs/settings.md anew, from the compiled table: part of `npm run format`.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { settingsTables } = createRequire(import.meta.url)('../../dist/settings/markdown.js');
const path = new URL('../../docs/settings.md', import.meta.url);

let text = readFileSync(path, 'utf8');
for (const [name, table] of settingsTables()) {
  const begin = `<!-- table: ${name} -->\n`;
  const from = text.indexOf(begin) + begin.length;
  const to = text.indexOf('<!-- end -->', from);
  if (from < begin.length || to < 0) throw new Error(`docs/settings.md has no place for the table ${name}`);
  text = `${text.slice(0, from)}\n${table}\n\n${text.slice(to)}`;
}
writeFileSync(path, text);
