// SPDX-License-Identifier: Apache-2.0
import { accessSync, constants, statSync } from 'node:fs';
import { inspect } from 'node:util';
import * as v from 'valibot';
import { isMoment, MOMENT } from '../recording/moment.ts';
import { withoutSecrets } from '../util/url.ts';

/** What a setting may hold: checked by a schema, told to people by the same words everywhere. */
export interface Kind<T> {
  readonly schema: v.GenericSchema<unknown, T>;
  /** What is allowed; stands after "must be". */
  readonly takes: string;
  /** Turns the text of an option or a variable into what the schema checks. */
  readonly parse: (text: string) => unknown;
  /** All there are, where they are a few words. */
  readonly words?: readonly string[];
  /** A value as messages may show it; without it as JavaScript writes it. */
  readonly show?: (value: unknown) => string;
}

export interface Range {
  readonly min: number;
  readonly max: number;
  /** Stands after "a number of". */
  readonly unit?: string;
}

export function number({ min, max, unit }: Range): Kind<number> {
  const takes = `a number ${unit === undefined ? '' : `of ${unit} `}from ${min} to ${max}`;
  return { takes, parse: toNumber, schema: v.pipe(v.number(), v.minValue(min), v.maxValue(max)) };
}

/** A whole number. */
export function integer({ min, max }: Range): Kind<number> {
  const takes = `an integer from ${min} to ${max}`;
  const schema = v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
  return { takes, parse: toNumber, schema };
}

export function flag(): Kind<boolean> {
  const words = new Map([
    ['true', true],
    ['false', false],
  ]);
  return {
    takes: 'true or false',
    parse: (given) => words.get(given.toLowerCase()) ?? given,
    schema: v.boolean(),
  };
}

/** Text that is not empty and that the system's calls take, which end at a NUL. */
export function text(takes: string): Kind<string> {
  const schema = v.pipe(v.string(), v.regex(/^[^\0]+$/));
  return { takes, schema, parse: (given) => given };
}

/** A directory for sockets, of whose paths the kernel takes 107 bytes, or `none`. */
export function socketDirectory(): Kind<string> {
  const schema = v.pipe(v.string(), v.regex(/^(?:none|\/[^\0]{0,80})$/));
  return {
    takes: 'the path of a directory, from / on, of 80 characters at most, or none',
    schema,
    parse: (given) => given,
  };
}

/** A time, as it is understood of a recording. */
export function moment(): Kind<string> {
  return { takes: MOMENT, parse: (given) => given, schema: v.pipe(v.string(), v.check(isMoment)) };
}

/** One of a few words, in any case, as the OpenTelemetry specification has it for its enumerations. */
export function choice<const T extends string>(words: readonly T[]): Kind<T> {
  return {
    takes: `one of ${words.join(', ')}`,
    words,
    parse: (given) => given.toLowerCase(),
    schema: v.picklist(words),
  };
}

/** A list; as text its items are separated by commas, and empty ones do not count. */
export function list<T>(item: Kind<T>, takes: string): Kind<T[]> {
  const items = (given: string): string[] => given.split(',').map((part) => part.trim());
  return {
    takes,
    parse: (given) =>
      items(given)
        .filter((part) => part !== '')
        .map(item.parse),
    schema: v.array(item.schema),
    ...(item.words && { words: item.words }),
    ...(item.show && { show: item.show }),
  };
}

/** Largest pid of any kernel: PID_MAX_LIMIT in include/linux/threads.h. */
const LARGEST_PID = 4_194_304;

/** Process ids, as texts each of which may hold several that commas separate. */
export function pids(): Kind<number[]> {
  const schema = v.pipe(
    v.array(v.pipe(v.string(), v.regex(/^\d+(,\d+)*$/))),
    v.transform((texts) => texts.flatMap((one) => one.split(',').map(Number))),
    v.array(v.pipe(v.number(), v.minValue(1), v.maxValue(LARGEST_PID))),
  );
  return { takes: 'process ids with commas between them', parse: (given) => [given], schema };
}

/** Messages do not show what may be secret in a URL: user, password and query. */
export function httpUrl(): Kind<string> {
  const isHttp = (given: string): boolean => /^https?:\/\//i.test(given) && URL.canParse(given);
  return {
    takes: 'an http:// or https:// URL',
    parse: (given) => given,
    schema: v.pipe(v.string(), v.check(isHttp)),
    show: (value) => shown(typeof value === 'string' ? withoutSecrets(value) : value),
  };
}

/** `NAME=VALUE`, which `accepts` takes: the name, and what is after the first and any further `=`, decoded. */
export function pair({
  accepts,
  ...kind
}: Pick<Kind<string>, 'takes' | 'show'> & {
  readonly accepts: (name: string, ...values: string[]) => boolean;
}): Kind<string> {
  const isPair = (given: string): boolean => {
    const [name, ...values] = given.split('=').map((part) => part.trim());
    try {
      return values.length > 0 && accepts(decodeURIComponent(name!), ...values.map(decodeURIComponent));
    } catch {
      return false;
    }
  };
  return { ...kind, parse: (given) => given, schema: v.pipe(v.string(), v.check(isPair)) };
}

/** A file that can be read now. */
export function readableFile(): Kind<string> {
  const isReadable = (path: string): boolean => {
    try {
      accessSync(path, constants.R_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  };
  return {
    takes: 'a file that can be read',
    parse: (given) => given,
    schema: v.pipe(v.string(), v.check(isReadable)),
  };
}

/** A function, which only the library takes. */
export function callback<T extends (...args: never[]) => unknown>(): Kind<T> {
  const schema = v.custom<T>((value) => typeof value === 'function');
  return { takes: 'a function', schema, parse: (given) => given };
}

const LONGEST = 80;

/** A value in a message: one line, and not a long one. */
export function shown(value: unknown): string {
  const line =
    typeof value === 'string'
      ? JSON.stringify(value.slice(0, LONGEST))
      : inspect(value, {
          depth: 0,
          breakLength: Infinity,
          customInspect: false,
          maxArrayLength: 3,
          maxStringLength: LONGEST,
        });
  const flat = line.replaceAll(/\s*\n\s*/g, ' ');
  return flat.length <= LONGEST ? flat : `${flat.slice(0, LONGEST)}…`;
}

/** Decimal, as people write it: `Number` would take the empty text and `0x10` as well. */
function toNumber(given: string): unknown {
  return /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i.test(given) ? Number(given) : given;
}
