// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';

/** A text file without the white space around its text; undefined where it cannot be read, for whatever reason. */
export function readText(path: string): string | undefined {
  return attempt(() => readFileSync(path, 'utf8').trim());
}

/** The names in a directory, ascending; none where it cannot be read. */
export function listNames(directory: string): string[] {
  return attempt(() => readdirSync(directory).toSorted()) ?? [];
}

/** What `read` returns, or undefined if it throws: most of /proc and /sys may go away at any moment. */
export function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
