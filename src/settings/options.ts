// SPDX-License-Identifier: Apache-2.0
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { usageError } from '../model/errors.ts';
import { isInterval, MAX_INTERVAL, type MeterOptions } from '../meter.ts';

type OptionTable = NonNullable<ParseArgsConfig['options']>;
type Values = Readonly<Record<string, string | boolean | string[] | undefined>>;

const COMMON: OptionTable = {
  source: { type: 'string' },
  interval: { type: 'string' },
  root: { type: 'string' },
  'watts-idle': { type: 'string' },
  'watts-busy': { type: 'string' },
  json: { type: 'boolean' },
};

/** Options of the verbs that show processes and cgroups. */
export const VIEW_OPTIONS: OptionTable = {
  include: { type: 'string', multiple: true },
  exclude: { type: 'string', multiple: true },
  names: { type: 'boolean' },
};

/** Parses a verb's options, those common to all included. @throws usageError, one line. */
export function parseOptions(verb: string, args: readonly string[], own: OptionTable = {}): Values {
  try {
    const { values } = parseArgs({ args: [...args], options: { ...COMMON, ...own }, strict: true });
    return values as Values;
  } catch (error) {
    // parseArgs: "Unknown option '--x'. To specify a positional argument …": its first sentence says it all.
    const why = error instanceof Error ? error.message.split(/\. |\n/)[0] : String(error);
    throw usageError(`${verb}: ${why}; see joules --help`);
  }
}

/** What the common options say about the meter. */
export function meterOptions(values: Values): MeterOptions {
  return compact({
    source: text(values, 'source'),
    root: text(values, 'root'),
    interval: parseNumber(values, 'interval', `a number above 0 and at most ${MAX_INTERVAL}`, isInterval),
    wattsIdle: watts(values, 'watts-idle'),
    wattsBusy: watts(values, 'watts-busy'),
    include: patterns(values, 'include'),
    exclude: patterns(values, 'exclude'),
    names: values['names'] === true ? true : undefined,
  });
}

/** An integer of 1 or more, or undefined if the option is not there. */
export function countOf(values: Values, name: string): number | undefined {
  return parseNumber(
    values,
    name,
    'an integer of 1 or more',
    (number) => number >= 1 && Number.isInteger(number),
  );
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

function patterns(values: Values, name: string): readonly string[] | undefined {
  const value = values[name];
  return Array.isArray(value) ? value : undefined;
}

/** Without the keys whose value is undefined (exactOptionalPropertyTypes). */
function compact<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

function watts(values: Values, name: string): number | undefined {
  return parseNumber(values, name, 'a number of 0 or more', (number) => number >= 0);
}

function parseNumber(
  values: Values,
  name: string,
  what: string,
  accept: (number: number) => boolean,
): number | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const number = value.trim() === '' ? Number.NaN : Number(value);
  if (Number.isFinite(number) && accept(number)) return number;
  throw usageError(`--${name} takes ${what}, not ${JSON.stringify(value)}`);
}
