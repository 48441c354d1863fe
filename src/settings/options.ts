// SPDX-License-Identifier: Apache-2.0
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { usageError } from '../model/errors.ts';
import { closest, meant } from '../util/closest.ts';
import { checkValue, type Row } from './check.ts';
import { shown } from './kinds.ts';
import { COMMAND, METER, rowsOf, type Setting } from './table.ts';
import type { CommandOptions, MeterOptions } from './types.ts';
import { type Verb, VERB_NAMES, VERBS } from './verbs.ts';

/** What the command line says: about the meter, about the verb itself, and what is no option. */
export interface CommandLine {
  readonly meter: MeterOptions;
  readonly own: CommandOptions;
  readonly operands: readonly string[];
}

/** What every verb, and none, answers. */
export type Question = 'help' | 'all' | 'version';

/** Options that ask something of the command line itself, with their letters. */
export const QUESTIONS: Readonly<Record<Question, string | undefined>> = {
  help: 'h',
  all: undefined,
  version: 'V',
};

/** Parses a verb's options, which `splitVerb` has left. @throws usageError, one line. */
export function parseOptions(verb: Verb, args: readonly string[]): CommandLine {
  const rows = optionsOf(verb);
  const { options, operands } = scan(args, rows, VERBS[verb].operands?.takes === 'command');
  checkOptions(verb, options, rows);
  checkNeeds(verb, options, rows);
  checkExclusions(options, rows);
  checkOperands(verb, operands);
  const values = (table: object): object => pick(rowsOfVerb(table, verb), options);
  return { meter: values(METER), own: values(COMMAND), operands };
}

/** The options of a verb, those of the meter first. */
export function optionsOf(verb: Verb): readonly Row[] {
  return [...rowsOfVerb(METER, verb), ...rowsOfVerb(COMMAND, verb)];
}

/** The options of all verbs, each once. */
export function allOptions(): readonly Setting<unknown>[] {
  return [...new Set(VERB_NAMES.flatMap(optionsOf).map(([, setting]) => setting))];
}

/** An option as it may be written: its letter first. */
export function writtenOptions({
  short,
  option,
}: {
  readonly short?: string | undefined;
  readonly option?: string;
}): readonly string[] {
  return [...(short ? [`-${short}`] : []), `--${option}`];
}

function rowsOfVerb(table: object, verb: Verb): readonly Row[] {
  const { measures } = VERBS[verb];
  return rowsOf(table).filter(
    ([, { option, verbs }]) => option !== undefined && (verbs?.includes(verb) ?? measures),
  );
}

/** Takes the verb out of a command line: options may stand before it. @throws usageError for one that no verb has. */
export function splitVerb(argv: readonly string[]): { verb: string | undefined; args: readonly string[] } {
  const rows = VERB_NAMES.flatMap(optionsOf);
  const { options, verbAt } = scan(argv, rows, true);
  for (const { name, written } of options) {
    if (isKnown(name, rows)) continue;
    throw usageError(
      `no verb has an option ${shownOption(written)}${meantOption(name, rows, ': see joules --help')}`,
    );
  }
  return { verb: argv[verbAt], args: argv.toSpliced(verbAt, 1) };
}

/** What is asked instead of running a verb, or all verbs. */
export function questionsIn(verb: Verb | undefined, args: readonly string[]): ReadonlySet<Question> {
  const rows = verb === undefined ? VERB_NAMES.flatMap(optionsOf) : optionsOf(verb);
  const isCommand = verb !== undefined && VERBS[verb].operands?.takes === 'command';
  const names = new Set(scan(args, rows, isCommand).options.map(({ name }) => name));
  return new Set((Object.keys(QUESTIONS) as Question[]).filter((one) => names.has(one)));
}

interface Given {
  /** In full, or, where there is none such, as it is written without dashes. */
  readonly name: string;
  readonly written: string;
  readonly value: string | undefined;
  /** Whether it stands behind a `=` or in one word with its letter. */
  readonly isInline: boolean;
}

interface Scanned {
  readonly options: readonly Given[];
  readonly operands: readonly string[];
  /** Index of the first operand that no `--` stands before, or the number of arguments. */
  readonly verbAt: number;
}

/** Takes arguments apart by what options there are; with `untilOperand` all from the first operand on are operands. */
function scan(args: readonly string[], rows: readonly Row[], untilOperand: boolean): Scanned {
  const config: NonNullable<ParseArgsConfig['options']> = {};
  for (const [, { option, placeholder, short }] of rows)
    config[option!] = { type: placeholder === undefined ? 'boolean' : 'string', ...(short && { short }) };
  for (const [name, short] of Object.entries(QUESTIONS))
    config[name] ??= { type: 'boolean', ...(short && { short }) };
  const { tokens } = parseArgs({ args: [...args], options: config, strict: false, tokens: true });
  const end = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? args.length;
  const first = tokens.find(({ kind, index }) => kind === 'positional' && index < end)?.index ?? end;
  const last = untilOperand ? first : args.length;
  const options = tokens.flatMap((token) =>
    token.kind === 'option' && token.index < last
      ? { name: token.name, written: token.rawName, value: token.value, isInline: token.inlineValue === true }
      : [],
  );
  const operands = tokens.flatMap((token) => (token.kind === 'positional' ? token.value : []));
  const rest = args.slice(first === end ? end + 1 : first);
  return { options, operands: untilOperand ? rest : operands, verbAt: first };
}

function isKnown(name: string, rows: readonly Row[]): boolean {
  return Object.hasOwn(QUESTIONS, name) || rows.some(([, { option }]) => option === name);
}

/** An option may be whatever somebody has pasted. */
function shownOption(written: string): string {
  return /^-{1,2}[\w.-]{1,60}$/.test(written) ? written : shown(written);
}

function meantOption(name: string, rows: readonly Row[], otherwise: string): string {
  const word = closest(name, [...rows.map(([, { option }]) => option!), 'help', 'version']);
  return word === undefined ? otherwise : `: did you mean --${word}?`;
}

/** @throws usageError for an option that the verb has not, or that has a value too many or too few. */
function checkOptions(verb: Verb, options: readonly Given[], rows: readonly Row[]): void {
  for (const { name, written, value, isInline } of options) {
    const setting = rows.find(([, { option }]) => option === name)?.[1];
    if (!setting) {
      const others = VERB_NAMES.filter((other) => optionsOf(other).some(([, one]) => one.option === name));
      const where =
        others.length > 0 ? ` (${others.join(' and ')} ${others.length > 1 ? 'have' : 'has'})` : '';
      const otherwise = `${where}: see joules ${verb} --help`;
      throw usageError(`${verb} has no option ${shownOption(written)}${meantOption(name, rows, otherwise)}`);
    }
    const takesNone = setting.placeholder === undefined;
    if (takesNone && value !== undefined)
      throw usageError(`${written} takes no value: leave out ${shown(value)}`);
    if (takesNone || (value !== undefined && (isInline || !isOption(value, rows)))) continue;
    throw usageError(`${written} needs a value: ${written} ${setting.placeholder}, ${setting.kind.takes}`);
  }
}

/** @throws usageError for an option that would be ignored, since another one is not given. */
function checkNeeds(verb: Verb, options: readonly Given[], rows: readonly Row[]): void {
  for (const { name, written } of options) {
    const needs = rows.find(([, { option }]) => option === name)?.[1].needs;
    if (!needs?.verbs.includes(verb) || options.some((other) => other.name === needs.option)) continue;
    throw usageError(
      `${written} means nothing to ${verb} without --${needs.option}: give both, or leave it out`,
    );
  }
}

/** @throws usageError for an option that would be ignored, since another one is given. */
function checkExclusions(options: readonly Given[], rows: readonly Row[]): void {
  for (const { name, written } of options) {
    const excludes = rows.find(([, { option }]) => option === name)?.[1].excludes;
    const other = options.find((one) => excludes?.options.includes(one.name));
    if (other) throw usageError(`${written} ${excludes!.because}: leave out ${other.written}`);
  }
}

/** Whether a word is an option of ours, so that it was hardly meant as the value of another. */
function isOption(word: string, rows: readonly Row[]): boolean {
  return (
    word === '--' || rows.some(([, { option, short }]) => word === `--${option}` || word === `-${short}`)
  );
}

function checkOperands(verb: Verb, given: readonly string[]): void {
  const { operands } = VERBS[verb];
  const [extra] = given.slice(operands?.most ?? 0);
  if (extra !== undefined)
    throw usageError(`${verb}: unexpected argument ${shown(extra)}; see joules ${verb} --help`);
  if (operands === undefined || typeof operands.takes === 'string') return;
  const words = operands.takes;
  const wrong = given.find((one) => !words.includes(one));
  if (wrong === undefined) return;
  throw usageError(`${verb} takes one of ${words.join(', ')}, not ${shown(wrong)}${meant(wrong, words, '')}`);
}

/** The values of these settings, checked, by their names in the library. */
function pick(rows: readonly Row[], options: readonly Given[]): object {
  const found = rows.flatMap(([name, setting]) => {
    const values = options.filter((one) => one.name === setting.option).map(({ value }) => value);
    return values.length === 0 ? [] : [[name, valueOf(setting, values)] as const];
  });
  return Object.fromEntries(found);
}

/** Of one that may not be repeated the last counts, as people append to a command that they call up again. */
function valueOf(
  { option, kind, repeatable }: Setting<unknown>,
  values: readonly (string | undefined)[],
): unknown {
  const last = values.at(-1);
  const written = repeatable ? values : last;
  const value = repeatable ? values : last === undefined ? true : kind.parse(last);
  return checkValue(`--${option}`, kind, value, written);
}
