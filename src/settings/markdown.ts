// SPDX-License-Identifier: Apache-2.0
import { defaultOf } from './help.ts';
import { COMMAND, RECORDER, rowsOf } from './table.ts';
import { VARIABLES } from './variables.ts';

/** The tables of docs/settings.md, as Markdown, by the names that stand in its markers. */
export function settingsTables(): ReadonlyMap<string, string> {
  const settings = [...rowsOf(RECORDER), ...rowsOf(COMMAND)].map(([name, setting]) => {
    const library = Object.hasOwn(RECORDER, name) ? name : undefined;
    const { option, short, key, kind, verbs, description } = setting;
    const what = verbs ? `${description} (${verbs.join(', ')})` : description;
    const names = [short && `-${short}`, option && `--${option}`].filter(Boolean).map(code).join(', ');
    return [names, code(key), code(library), kind.takes, defaultOf(setting), what];
  });
  const variables = Object.values(VARIABLES).map((variable) => [
    variable.variables.map(code).join(' or '),
    variable.kind.takes,
    defaultOf(variable),
    variable.description,
  ]);
  return new Map([
    ['settings', markdown([['option', 'key', 'library', 'takes', 'default', 'what it is'], ...settings])],
    ['variables', markdown([['variable', 'takes', 'default', 'what it is'], ...variables])],
  ]);
}

function code(text: string | undefined): string {
  return text === undefined ? '' : `\`${text}\``;
}

function markdown([header, ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(header!), line(header!.map(() => '---')), ...rows.map(line)].join('\n');
}
