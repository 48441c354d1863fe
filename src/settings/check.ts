// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import { usageError } from '../model/errors.ts';
import { meant } from '../util/closest.ts';
import { type Kind, shown } from './kinds.ts';
import type { Setting } from './table.ts';

/** One thing that is wrong with a mapping of settings. */
export interface Fault {
  /** Keys that lead to it, in the words of whoever wrote the mapping. */
  readonly path: readonly string[];
  readonly problem: 'unknown' | 'missing' | 'wrong';
  /** After "must be", or for an unknown key those that there are. */
  readonly allowed: string;
  /** After "not", where there is something to show. */
  readonly found?: string;
}

/** A checked value, or what is wrong with it. */
export type Checked<T> = { readonly value: T } | { readonly fault: Fault };

/** Checks one value of a setting. @throws usageError that calls it `name`. */
export function checkValue<T>(name: string, kind: Kind<T>, value: unknown, written: unknown = value): T {
  const result = v.safeParse(kind.schema, value, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return result.output;
  throw usageError(`${name} must be ${kind.takes}${denial(kind, result.issues[0], written)}`);
}

/** A list may be long, and is named by what is wrong in it. */
function denial(
  kind: Pick<Kind<unknown>, 'show' | 'words'>,
  issue: v.BaseIssue<unknown>,
  written: unknown,
): string {
  const inList = issue.path?.some(({ type }) => type === 'array');
  const { show = shown, words = [] } = kind;
  const hint = typeof issue.input === 'string' ? meant(issue.input, words, '') : '';
  return inList ? `, and ${show(issue.input)} is none of that${hint}` : `, not ${show(written)}${hint}`;
}

/** A setting and its name in the library. */
export type Row = readonly [name: string, setting: Setting<unknown>];

/**
 * Checks a mapping that calls the settings what `nameOf` says, and gives the values by their names in
 * the library, groups as objects of their own.
 */
export function checkMapping(
  rows: readonly Row[],
  nameOf: (row: Row) => string | undefined,
  value: unknown,
): Checked<Record<string, unknown>> {
  const named = rows.flatMap((row) => {
    const name = nameOf(row);
    return name === undefined ? [] : [{ path: name.split('.'), row }];
  });
  const result = v.safeParse(schemaOf(named.map(({ path, row }) => [path, row[1]])), value, {
    abortEarly: true,
    abortPipeEarly: true,
  });
  if (!result.success) return { fault: faultOf(result.issues[0], named) };
  const values: Record<string, unknown> = {};
  for (const { path, row } of named) {
    const found = dig(result.output, path);
    if (found !== undefined) put(values, row[0].split('.'), found);
  }
  return { value: values };
}

type Member = readonly [path: readonly string[], setting: Setting<unknown>];

/** A schema that takes these keys and no others; those with one beginning are a mapping within. */
function schemaOf(members: readonly Member[]): v.GenericSchema {
  const heads = [...new Set(members.map(([[head]]) => head!))];
  const entries = heads.map((head) => {
    const below = members.filter(([path]) => path[0] === head);
    const [path, setting] = below[0]!;
    if (path.length === 1) {
      return [head, setting.required ? setting.kind.schema : v.optional(setting.kind.schema)] as const;
    }
    return [head, v.optional(schemaOf(below.map(([[, ...rest], one]) => [rest, one])))] as const;
  });
  const known = heads.join(', ');
  const mapping = v.custom<object>(isMapping, `a mapping with ${known}`);
  return v.pipe(mapping, v.strictObject(Object.fromEntries(entries), known));
}

function faultOf(
  issue: v.BaseIssue<unknown>,
  named: readonly { readonly path: readonly string[]; readonly row: Row }[],
): Fault {
  // A path goes on into lists, which are named by the setting that holds them.
  const keys = (issue.path ?? []).filter(({ type }) => type === 'object');
  const path = keys.map(({ key }) => String(key));
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    return { path, problem: 'unknown', allowed: issue.message };
  }
  const setting = named.find((one) => one.path.join('.') === path.join('.'))?.row[1];
  if (!setting)
    return { path, problem: 'wrong', allowed: issue.message, found: `, not ${shown(issue.input)}` };
  const { kind } = setting;
  if (issue.type === 'strict_object') return { path, problem: 'missing', allowed: kind.takes };
  return { path, problem: 'wrong', allowed: kind.takes, found: denial(kind, issue, issue.input) };
}

/** What is wrong in a sentence that calls the setting `name`. */
export function sentence(name: string, noun: string, { problem, allowed, found = '' }: Fault): string {
  if (problem === 'unknown') {
    const known = allowed.split(', ');
    return `unknown ${noun} ${name}${meant(name.split('.').at(-1)!, known, `: use ${allowed}`)}`;
  }
  if (problem === 'missing') return `${noun} ${name} is missing: give ${allowed}`;
  return `${noun} ${name} must be ${allowed}${found}`;
}

/** Keys may be anything; a message is one line. */
export function joined(path: readonly string[]): string {
  const name = path.join('.');
  return /^[\w.-]{1,60}$/.test(name) ? name : shown(name);
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function dig(value: unknown, path: readonly string[]): unknown {
  return path.reduce((at, key) => (isMapping(at) ? at[key] : undefined), value);
}

function put(values: Record<string, unknown>, [head, ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) values[head!] = value;
  else put((values[head!] ??= {}) as Record<string, unknown>, rest, value);
}
