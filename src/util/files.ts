// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { isShortage, systemError } from './system-error.ts';

/**
 * A text file without the white space around its text; undefined where there is none, or none for us.
 * @throws EnergyError where descriptors or memory are short: that would make what is there look as if it were not.
 */
export function readText(path: string, encoding: BufferEncoding = 'utf8'): string | undefined {
  return ifThere(path, () => readFileSync(path, encoding).trim());
}

/** The names in a directory, ascending; none where there is none. @throws EnergyError as `readText` does. */
export function listNames(directory: string): string[] {
  return ifThere(directory, () => readdirSync(directory).toSorted()) ?? [];
}

function ifThere<Result>(path: string, read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (isShortage(error)) throw systemError(`read ${path}`, error, '');
    return undefined;
  }
}

/** What `read` returns, or undefined if it throws, for whatever reason. */
export function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
