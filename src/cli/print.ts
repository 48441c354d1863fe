// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';

/** Names come from whoever runs programs: no control character or change of direction may reach the terminal. */
export function printable(name: string): string {
  return name.replace(
    /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * One line of JSON. JSON leaves DEL, C1 controls and changes of direction as they are; in its strings, the only
 * place where they can be, they may be escaped as well, and what reads them gets the same.
 */
export function jsonLine(value: unknown): string {
  return `${printable(JSON.stringify(value))}\n`;
}

/** Writes to stdout, and waits for a slow reader rather than keep what it does not take. */
export async function print(text: string, stopped: AbortSignal): Promise<void> {
  if (process.stdout.write(text) || stopped.aborted) return;
  // Whoever stops us does not wait for the reader.
  await once(process.stdout, 'drain', { signal: stopped }).catch(() => {});
}

/** One line on stderr for a person. */
export function complain(line: string): void {
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}joules: ${printable(line)}\n`);
}
