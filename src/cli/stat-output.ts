// SPDX-License-Identifier: Apache-2.0
import { closeSync, constants, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { usageError } from '../model/errors.ts';
import { attempt } from '../util/files.ts';
import { complain } from './print.ts';

/** A FIFO that nobody reads is an error, and not waited for. */
const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
const TO_APPEND = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY;

/** How long a reader of a pipe may take nothing, ms, and how often it is tried. */
const PATIENCE_MS = 10_000;
const TRY_MS = 20;

/** Where `--output` goes. */
export interface Output {
  /** Never rejects: what cannot be written there is printed on stderr instead. */
  write(line: string): Promise<void>;
  close(): void;
}

/**
 * Opened before the command runs, so that a result is not lost for want of a place; emptied only for a new one.
 * @throws usageError where it cannot be written to.
 */
export function openOutput(path: string): Output {
  const file = open(path);
  return {
    async write(line) {
      try {
        ftruncateSync(file);
      } catch {
        // A pipe or a device: there is nothing to empty.
      }
      try {
        await writeAll(file, line);
      } catch (error) {
        complain(
          `cannot write the result to --output (${(error as NodeJS.ErrnoException).code}): it follows`,
        );
        process.stderr.write(line);
      }
    },
    close: () => closeSync(file),
  };
}

function open(path: string): number {
  try {
    return openSync(path, TO_APPEND, 0o666);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Of a socket, such as /dev/stdout may be, it is ENXIO as well.
    const isUnread = code === 'ENXIO' && attempt(() => statSync(path).isFIFO());
    const remedy = isUnread ? 'nobody reads it, start its reader first' : 'choose another file';
    throw usageError(`cannot write --output ${path} (${code}): ${remedy}`);
  }
}

/** A pipe holds 64 KiB, and the results of many runs are more. */
async function writeAll(file: number, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  let written = 0;
  for (let waited = 0; written < bytes.length;) {
    try {
      written += writeSync(file, bytes, written);
      waited = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || waited >= PATIENCE_MS) throw error;
      await sleep(TRY_MS);
      waited += TRY_MS;
    }
  }
}
