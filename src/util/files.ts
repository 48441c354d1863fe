// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { isShortage, systemError } from './system-error.ts';

/**
 * A text file without the white space around its text; undefined where there is none, or none for us.
 * @throws EnergyError where descriptors or memory are short: that would make what is there look as if it were not.
 */
export function readText(path: string, encoding: BufferEncoding = 'utf8'): string | undefined {
  return ifThere(path, () => readFileSync(path, encoding).trim());
}

/** More than any settings, token or certificates have, bytes. */
const SETTINGS_LIMIT = 2 ** 20;

/**
 * A file of settings, which may be a link or a pipe, but not endless as a device may be. @throws what the system says, with
 * code EFBIG where there is too much.
 */
export function readSettings(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const all = Buffer.alloc(SETTINGS_LIMIT + 1);
    let length = 0;
    for (let more = -1; more !== 0 && length < all.length; length += more)
      more = readSync(file, all, length, all.length - length, null);
    if (length > SETTINGS_LIMIT) throw Object.assign(new Error(`${path} is too large`), { code: 'EFBIG' });
    return all.subarray(0, length);
  } finally {
    closeSync(file);
  }
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
