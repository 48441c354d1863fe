// SPDX-License-Identifier: Apache-2.0
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

/** Findings for people, a line each. */
export function findingLines(findings: readonly Finding[]): string[] {
  const told = new Set<string>();
  return findings
    .flatMap(({ name, ok, detail, normal }) => {
      if (normal === undefined)
        return `${ok === null ? ' ' : ok ? '+' : '-'} ${name.padEnd(WIDTH)} ${detail}`;
      if (told.has(normal)) return [];
      told.add(normal);
      const names = findings.filter((one) => one.normal === normal).map((one) => one.name);
      return `  ${'not here'.padEnd(WIDTH)} ${names.join(', ')}: ${normal}`;
    })
    .map(printable);
}
