// SPDX-License-Identifier: Apache-2.0
import { COMMAND, METER, RECORDER, rowsOf, type Setting } from './table.ts';
import { type Verb, VERBS } from './types.ts';
import { VARIABLES } from './variables.ts';

const USAGE: Readonly<Record<Verb, readonly [usage: string, description: string]>> = {
  agent: ['agent', 'measure and publish as OpenTelemetry metrics until interrupted'],
  top: ['top', 'live table; with --json one snapshot a line'],
  stat: ['stat -- COMMAND…', 'run a command and tell what it and its descendants used'],
  verify: ['verify', 'run known loads and judge whether this machine measures what they drew'],
  doctor: ['doctor', 'what this kernel, hardware and user can measure'],
};

const WIDTH = 80;
const INDENT = 22;

/** `joules --help`. */
export function help(): string {
  const settings = [...rowsOf(METER), ...rowsOf(COMMAND)].map(([, setting]) => setting);
  const options = settings.filter(({ option }) => option !== undefined);
  return [
    'Usage: joules VERB [OPTIONS]',
    '',
    "Where this machine's energy goes, by process and cgroup.",
    '',
    'Verbs:',
    ...VERBS.flatMap((verb) => entry(...USAGE[verb])),
    '',
    'Options:',
    ...options.flatMap((setting) => entry(usage(setting), optionText(setting))),
    ...entry('--help, --version', 'print this, or the version'),
    '',
    'Variables, such as those for where the agent publishes, are in README.md.',
    '',
  ].join('\n');
}

function usage({ option, placeholder }: Setting<unknown>): string {
  return `--${option}${placeholder === undefined ? '' : ` ${placeholder}`}`;
}

function optionText(setting: Setting<unknown>): string {
  const { verbs, description, repeatable } = setting;
  const parts = [
    verbs && `(${verbs.join(', ')})`,
    repeatable ? `${description}; repeatable` : description,
    setting.fallback !== false && `(default: ${defaultOf(setting)})`,
  ];
  return parts.filter(Boolean).join(' ');
}

/** What stands for a thing, and beside it, or below where that is long, what it is. */
function entry(name: string, description: string): string[] {
  const lines = wrapped(description, WIDTH - INDENT).map((line) => ' '.repeat(INDENT) + line);
  const head = `  ${name}`;
  if (head.length > INDENT - 2) return [head, ...lines];
  return [head.padEnd(INDENT) + lines[0]!.trimStart(), ...lines.slice(1)];
}

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (longer.length <= width) lines.splice(-1, 1, longer);
    else lines.push(word);
  }
  return lines;
}

function defaultOf({
  fallback,
  otherwise,
  required,
}: Pick<Setting<unknown>, 'fallback' | 'otherwise' | 'required'>): string {
  if (required) return 'needed where there are others of its group';
  return otherwise ?? String(fallback);
}

/** The README's tables, as Markdown, by the names that stand in its markers. */
export function readmeTables(): ReadonlyMap<string, string> {
  const settings = [...rowsOf(RECORDER), ...rowsOf(COMMAND)].map(([name, setting]) => {
    const library = Object.hasOwn(RECORDER, name) ? name : undefined;
    const { option, key, kind, verbs, description } = setting;
    const what = verbs ? `${description} (${verbs.join(', ')})` : description;
    return [code(option && `--${option}`), code(key), code(library), kind.takes, defaultOf(setting), what];
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
