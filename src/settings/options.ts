// SPDX-License-Identifier: Apache-2.0
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { usageError } from '../model/errors.ts';
import { checkValue, type Row } from './check.ts';
import { COMMAND, METER, rowsOf } from './table.ts';
import type { CommandOptions, MeterOptions, Verb } from './types.ts';

/** What the command line says: about the meter, and about the verb itself. */
export interface CommandLine {
  readonly meter: MeterOptions;
  readonly own: CommandOptions;
}

/** Parses a verb's options. @throws usageError, one line. */
export function parseOptions(verb: Verb, args: readonly string[]): CommandLine {
  const meter = optionsOf(METER, verb);
  const own = optionsOf(COMMAND, verb);
  const values = parsed(verb, args, [...meter, ...own]);
  return { meter: pick(meter, values), own: pick(own, values) };
}

function optionsOf(table: object, verb: Verb): readonly Row[] {
  return rowsOf(table).filter(
    ([, { option, verbs }]) => option !== undefined && (verbs?.includes(verb) ?? true),
  );
}

function parsed(verb: Verb, args: readonly string[], rows: readonly Row[]): Record<string, unknown> {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [, { option, placeholder, repeatable = false }] of rows) {
    options[option!] = { type: placeholder === undefined ? 'boolean' : 'string', multiple: repeatable };
  }
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    // parseArgs: "Unknown option '--x'. To specify a positional argument …": its first sentence says it all.
    const why = (error as Error).message.split(/\. |\n/)[0];
    throw usageError(`${verb}: ${why}; see joules --help`);
  }
}

/** The values of these settings, checked, by their names in the library. */
function pick(rows: readonly Row[], values: Readonly<Record<string, unknown>>): object {
  const found = rows.flatMap(([name, { option, kind }]) => {
    const given = values[option!];
    if (given === undefined) return [];
    const value = typeof given === 'string' ? kind.parse(given) : given;
    return [[name, checkValue(`--${option}`, kind, value, given)] as const];
  });
  return Object.fromEntries(found);
}
