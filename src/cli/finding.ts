// SPDX-License-Identifier: Apache-2.0
import { wrapped } from '../util/wrapped.ts';
import { printable } from './print.ts';

/** A line of `joules doctor`. */
export interface Finding {
  readonly name: string;
  /** null: a fact, neither good nor bad. */
  readonly ok: boolean | null;
  readonly detail: string;
  /** Why nobody needs to care: those with the same reason are one line for people. */
  readonly normal?: string;
}

const WIDTH = 16;

/** Findings for people, a line each, or several where they are to be no wider than this. */
export function findingLines(findings: readonly Finding[], width: number = Infinity): string[] {
  const told = new Set<string>();
  return findings
    .flatMap(({ name, ok, detail, normal }) => {
      if (normal === undefined) return entry(ok === null ? ' ' : ok ? '+' : '-', name, detail, width);
      if (told.has(normal)) return [];
      told.add(normal);
      const names = findings.filter((one) => one.normal === normal).map((one) => one.name);
      return entry(' ', 'not here', `${names.join(', ')}: ${normal}`, width);
    })
    .map(printable);
}

/** Where the terminal is narrow, details have all of it but this. */
const NARROW_INDENT = 4;

function entry(mark: string, name: string, detail: string, width: number): string[] {
  const head = `${mark} ${name.padEnd(WIDTH)} `;
  if (head.length + detail.length <= width) return [`${head}${detail}`];
  const isNarrow = width < 3 * head.length;
  const indent = isNarrow ? NARROW_INDENT : head.length;
  const texts = wrapped(detail, width - indent).map((line) => ' '.repeat(indent) + line);
  return isNarrow ? [head.trimEnd(), ...texts] : [head + texts[0]!.trimStart(), ...texts.slice(1)];
}
