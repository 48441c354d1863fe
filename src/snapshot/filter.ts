// SPDX-License-Identifier: Apache-2.0
// picomatch and its like are for files: their `*` stops at slashes and skips dots, which cgroups are full of.
import { usageError } from '../model/errors.ts';

/** Which processes and cgroups have rows of their own. */
export interface Filter {
  readonly process: (executable: string, cgroup: string) => boolean;
  readonly cgroup: (path: string) => boolean;
}

export interface Patterns {
  /** What is shown; everything if there are none. */
  readonly include?: readonly string[];
  /** What is not shown, even if it is included. */
  readonly exclude?: readonly string[];
}

/**
 * In a pattern `*` stands for any characters, slashes too, and `?` for one. One that begins with `/` is for
 * paths of cgroups, and so for the processes in them; any other is for names of executables.
 * @throws EnergyError for what is no list of patterns.
 */
export function createFilter({ include = [], exclude = [] }: Patterns): Filter {
  for (const [name, patterns] of Object.entries({ include, exclude }))
    if (!Array.isArray(patterns) || patterns.some((pattern) => typeof pattern !== 'string'))
      throw usageError(`${name} is a list of patterns, not ${JSON.stringify(patterns)}`);
  const paths = include.filter(isPath);
  const hidden = exclude.filter(isPath);
  const hiddenNames = exclude.filter((pattern) => !isPath(pattern));
  const names = include.filter((pattern) => !isPath(pattern));
  return {
    process: (executable, cgroup) =>
      (include.length === 0 || matchesAny(names, executable) || matchesAny(paths, cgroup)) &&
      !matchesAny(hiddenNames, executable) &&
      !matchesAny(hidden, cgroup),
    // Patterns for executables say nothing about cgroups, in which others may be as well.
    cgroup: (path) => (paths.length === 0 || matchesAny(paths, path)) && !matchesAny(hidden, path),
  };
}

function isPath(pattern: string): boolean {
  return pattern.startsWith('/');
}

function matchesAny(patterns: readonly string[], text: string): boolean {
  return patterns.some((pattern) => matches(pattern, text));
}

/**
 * Takes time in proportion to pattern × text at most. A regular expression of many `.*` takes far more, and
 * whoever names a process or a cgroup could make it do so.
 */
export function matches(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < text.length;) {
    if (pattern[at] === '*') {
      star = at++;
      resume = i;
    } else if (pattern[at] === '?' || pattern[at] === text[i]) {
      at++;
      i++;
    } else if (star >= 0) {
      // The last star takes one character more; what came before it stays: the shortest is always as good.
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  while (pattern[at] === '*') at++;
  return at === pattern.length;
}
