// SPDX-License-Identifier: Apache-2.0
// joules(1), in the macros of man(7): the set-up writes it to dist/joules.1.
import { defaultOf, fullText } from './help.ts';
import { allOptions, optionsOf } from './options.ts';
import { RECORDER, rowsOf, type Setting } from './table.ts';
import { VARIABLES } from './variables.ts';
import { type Verb, VERB_NAMES, VERBS } from './verbs.ts';

/** The manual page of a version. */
export function manual(version: string): string {
  const parts = [
    [
      '.\\" Made of the tables in src/settings by the set-up.',
      `.TH JOULES 1 "" "otel-ebpf-energy ${version}" "User Commands"`,
    ],
    ['.SH NAME', "joules \\- where this machine's energy goes, by process and cgroup"],
    [
      '.SH SYNOPSIS',
      ...VERB_NAMES.flatMap(synopsis),
      '.br',
      `${bold('joules')} ${bold('\\-\\-help')} [VERB] [${bold('\\-\\-all')}]`,
    ],
    ['.SH DESCRIPTION', DESCRIPTION.map(roff).join('\n.PP\n')],
    ['.SH VERBS', ...VERB_NAMES.flatMap(verbEntry)],
    ['.SH OPTIONS', 'They may stand before the verb or behind it.', ...allOptions().flatMap(optionEntry)],
    ['.SH CONFIGURATION', CONFIGURATION, ...rowsOf(RECORDER).flatMap(([, one]) => keyEntry(one))],
    ['.SH ENVIRONMENT', ...Object.values(VARIABLES).flatMap(variableEntry)],
    ['.SH EXIT STATUS', ...STATUS.flatMap(([status, text]) => item(bold(status), text))],
    ['.SH EXAMPLES', ...VERB_NAMES.flatMap(exampleEntries)],
    ['.SH SEE ALSO', '.BR perf (1),', '.BR powertop (8),', '.BR systemd\\-cgtop (1)'],
  ];
  return `${parts.flat().join('\n')}\n`;
}

const DESCRIPTION = [
  'A small BPF program reads energy counters at context switches and charges the Joules to whoever ran. The ledger ' +
    'closes: what processes used, what was used while idle and what is unattributed make up what was counted.',
  "Unattributed is what was counted and is no process's: shared (drawn whoever runs), gap (counted while it could not be " +
    'told who ran) and lost (of processes that the tables had no room for).',
  'Every figure is of a kind. measured: a counter of the core itself. apportioned: a counter of more than one core, ' +
    'split over who ran. estimated: no counter, watts of the CPU model times run time, by which two programs compare ' +
    'by their CPU time alone. joules doctor says what there is here.',
];

const CONFIGURATION =
  'The file of \\fB\\-\\-config\\fR is YAML or JSON with these keys; those with a dot are in a mapping of their own.';

const STATUS: readonly (readonly [status: string, text: string])[] = [
  ['0', 'All is well; of joules stat, the command ended so. Of joules verify: PASS.'],
  ['1', 'A file cannot be written, or joules has a defect; of joules verify: FAIL.'],
  [
    '2',
    'The command line, the configuration or the environment is wrong, or a file that is named is no recording that can ' +
      'be read: one line on stderr says what.',
  ],
  [
    '3',
    'This kernel, hardware or user cannot do it: one line on stderr says what is missing, and the remedy.',
  ],
  ['4', 'Of joules stat --compare --fail-if-more: B surely uses so much more than A.'],
  ['other', "Of joules stat: the command's, 128 + N where signal N ended it."],
];

function synopsis(verb: Verb, index: number): string[] {
  const { operands } = VERBS[verb];
  const usage = `${bold('joules')} ${bold(verb)} [OPTIONS]${operands ? ` ${roff(operands.usage)}` : ''}`;
  return index === 0 ? [usage] : ['.br', usage];
}

function verbEntry(verb: Verb): string[] {
  return item(bold(verb), sentence(VERBS[verb].summary));
}

function optionEntry(setting: Setting<unknown>): string[] {
  const { short, option, placeholder } = setting;
  const names = [short && `-${short}`, `--${option}`].flatMap((name) => (name ? bold(roff(name)) : []));
  const verbs = VERB_NAMES.filter((verb) => optionsOf(verb).some(([, one]) => one === setting));
  const value = placeholder === undefined ? '' : ` \\fI${roff(placeholder)}\\fR`;
  return item(`${names.join(', ')}${value}`, `${sentence(fullText(setting))} For: ${verbs.join(', ')}.`);
}

/** What has an option is described there. */
function keyEntry({ key, option, ...setting }: Setting<unknown>): string[] {
  if (key === undefined) return [];
  const takes = ` Takes ${setting.kind.takes}.`;
  const text = option === undefined ? `${sentence(fullText(setting))}${takes}` : `As --${option}.${takes}`;
  return item(bold(roff(key)), text);
}

function variableEntry(variable: (typeof VARIABLES)[keyof typeof VARIABLES]): string[] {
  const { variables, description, kind } = variable;
  const names = variables.map((name) => bold(roff(name))).join(', ');
  return item(names, `${sentence(description)} Takes ${kind.takes}. Default: ${defaultOf(variable)}.`);
}

function exampleEntries(verb: Verb): string[] {
  return VERBS[verb].examples.flatMap(([command, does]) =>
    item(bold(roff(`joules ${command}`)), sentence(does)),
  );
}

/** A paragraph behind its tag, which is roff already. */
function item(tag: string, text: string): string[] {
  return ['.TP', tag, roff(text)];
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`;
}

function bold(text: string): string {
  return `\\fB${text}\\fR`;
}

/** Text as roff reads it: a backslash, a hyphen that is copied as one, and a dot or quote where a line begins. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll(/^([.'])/gm, '\\&$1');
}
