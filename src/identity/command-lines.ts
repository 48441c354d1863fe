// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import { within } from '../util/deadline.ts';

/** Reads command lines of processes. */
export interface CommandLines {
  /** The arguments, the program's own name first, as far as they fit; undefined where they cannot be had. Never rejects. */
  read(pid: number): Promise<readonly string[] | undefined>;
}

/** Bytes of one: what runs is among the first arguments. */
const LIMIT = 4096;
const DEADLINE_MS = 1000;

/**
 * The kernel reads a command line in the memory of the process, which that may have mapped from a file system that never
 * answers: then one thread of libuv's hangs, and no more are read, for good. `log` is told so.
 */
export function createCommandLines(options: {
  readonly proc: string;
  readonly log: (line: string) => void;
  readonly deadlineMs?: number;
}): CommandLines {
  const { proc, log, deadlineMs = DEADLINE_MS } = options;
  let isHanging = false;
  return {
    async read(pid) {
      if (isHanging) return undefined;
      const text = await within(readStart(`${proc}/${pid}/cmdline`), deadlineMs);
      if (text === undefined) {
        isHanging = true;
        log(
          `the command line of process ${pid} cannot be read in ${deadlineMs / 1000} s: ` +
            'what is named from now on has no script; restart the meter when that process is gone',
        );
      }
      return text ? text.split('\0') : undefined;
    },
  };
}

/** '' where there is nothing to be read. */
async function readStart(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LIMIT), 0, LIMIT, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } catch {
    return '';
  }
}
