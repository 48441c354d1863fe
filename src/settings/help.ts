// SPDX-License-Identifier: Apache-2.0
import { wrapped } from '../util/wrapped.ts';
import { optionsOf } from './options.ts';
import type { Setting } from './table.ts';
import { type Verb, VERB_NAMES, VERBS } from './verbs.ts';

/** All help fits a terminal of 80 columns, and the short one its 24 lines. */
const WIDTH = 80;
/** Where what an option is begins. */
const INDENT = 28;
const VERB_INDENT = 14;

/** `joules --help`. */
export function help(): string {
  return lines([
    'Usage: joules VERB [OPTIONS]',
    '',
    "Where this machine's energy goes, by process and cgroup.",
    '',
    ...VERB_NAMES.flatMap((verb) => entry(verb, VERBS[verb].summary, VERB_INDENT)),
    '',
    'joules VERB --help        options of a verb; with --all each in full',
    'joules --help --all       those of all verbs',
    'joules --version          the version',
    '',
    'To begin with: joules doctor, joules top, joules stat make. More: man joules.',
  ]);
}

/** `joules --help --all`: the verbs, each with all its options in full. */
export function helpOfAll(): string {
  return [help(), ...VERB_NAMES.map(longVerbHelp)].join('\n');
}

/** `joules VERB --help`. */
export function verbHelp(verb: Verb): string {
  const options = optionsOf(verb).map(([, setting]) => setting);
  const rare = options.flatMap(({ rare: isRare, option }) => (isRare ? `--${option}` : []));
  const examples = VERBS[verb].examples.map(([command, does]) => entry(`joules ${command}`, does, INDENT));
  return lines([
    ...headOf(verb),
    ...options.filter((one) => !one.rare).flatMap((one) => entry(usageOf(one), briefOf(one), INDENT)),
    ...entry('-h, --help [--all]', 'this, or each option in full', INDENT),
    ...(examples.length > 0 ? ['', 'Examples:', ...examples.flat()] : []),
    ...(rare.length > 0 ? wrapped(`Also, by --help --all: ${rare.join(', ')}.`, WIDTH) : []),
  ]);
}

/** `joules VERB --help --all`. */
export function longVerbHelp(verb: Verb): string {
  return lines([
    ...headOf(verb),
    ...optionsOf(verb).flatMap(([, one]) => entry(usageOf(one), fullText(one), INDENT)),
    ...entry('-V, --version', 'print the version', INDENT),
  ]);
}

function headOf(verb: Verb): string[] {
  const { summary, operands } = VERBS[verb];
  const usage = ['joules', verb, '[OPTIONS]', ...(operands ? [operands.usage] : [])].join(' ');
  return [`Usage: ${usage}`, '', `${summary[0]!.toUpperCase()}${summary.slice(1)}.`, ''];
}

/** An option as it is written: `-s, --source SPEC`. */
function usageOf({ option, short, placeholder }: Setting<unknown>): string {
  return `${short ? `-${short}, ` : '    '}--${option}${placeholder === undefined ? '' : ` ${placeholder}`}`;
}

/** What an option is, in a few words. */
export function shortText({ brief, description }: Setting<unknown>): string {
  return brief ?? description;
}

function briefOf(setting: Setting<unknown>): string {
  const { fallback } = setting;
  const hasDefault = fallback !== undefined && fallback !== false;
  return `${shortText(setting)}${hasDefault ? ` (default: ${defaultOf(setting)})` : ''}`;
}

/** What an option is, what it takes, whether it may be repeated, and what holds without it. */
export function fullText(setting: Setting<unknown>): string {
  const { description, repeatable, fallback, kind } = setting;
  const parts = [
    repeatable ? `${description}; repeatable` : description,
    kind.words && !description.includes(kind.words.join(', ')) && `(${kind.takes})`,
    fallback !== false && `(default: ${defaultOf(setting)})`,
  ];
  return parts.filter(Boolean).join(' ');
}

export function defaultOf({
  fallback,
  otherwise,
  required,
}: Pick<Setting<unknown>, 'fallback' | 'otherwise' | 'required'>): string {
  if (required) return 'needed where there are others of its group';
  return otherwise ?? String(fallback);
}

/** What stands for a thing, and beside it, or below where that is long, what it is. */
function entry(name: string, description: string, indent: number): string[] {
  const head = `  ${name}`;
  const texts = wrapped(description, WIDTH - indent).map((line) => ' '.repeat(indent) + line);
  if (head.length > indent - 2) return [head, ...texts];
  return [head.padEnd(indent) + texts[0]!.trimStart(), ...texts.slice(1)];
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}
