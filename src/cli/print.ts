// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { fstatSync, writeSync } from 'node:fs';
import { printable } from '../util/printable.ts';

export { printable };

/**
 * One line of JSON. JSON leaves DEL, C1 controls and changes of direction as they are; in its strings, the only
 * place where they can be, they may be escaped as well, and what reads them gets the same.
 */
export function jsonLine(value: unknown): string {
  return `${printable(JSON.stringify(value))}\n`;
}

/** A figure with so many decimals; of an estimate with those of them alone that mean anything. */
export function figure(value: number, decimals: number, digits?: number): string {
  if (digits === undefined) return value.toFixed(decimals);
  const rounded = Number(value.toPrecision(digits)).toFixed(decimals);
  return rounded.includes('.') ? rounded.replace(/\.?0+$/, '') : rounded;
}

/** Whether stdout took nothing the last time. */
let failing = false;
let outlived = false;
/** What prints once and ends has its own exit status, whoever read it. */
let readerWent = (): void => {};

/** The reader of a pipe may go away (`joules top --json | head`): what prints line after line ends then. */
export function whenReaderGoes(then: () => void): void {
  readerWent = then;
}

/**
 * From here on it is no reason to end that stdout takes nothing, nor to wait that a terminal is stopped (Ctrl-S): what
 * matters more than the lines goes on.
 */
export function outliveStdout(): void {
  outlived = true;
  for (const stream of [process.stdout, process.stderr]) {
    // Node waits for terminals, and has no public way not to. They are opened anew, so that nobody else's do not wait either.
    if (stream.isTTY) (stream as Partial<Unblockable>)._handle?.setBlocking?.(false);
  }
}

interface Unblockable {
  readonly _handle?: { readonly setBlocking?: (blocks: boolean) => void };
}

/** Ends the process since stdout takes nothing any more, or tells it once until it takes something again. */
export function stdoutFailed({ code = 'EIO' }: NodeJS.ErrnoException): void {
  if (code === 'EPIPE') return readerWent();
  const remedy = code === 'ENOSPC' ? 'free some space, or write elsewhere' : 'write elsewhere';
  if (!failing) {
    complain(
      `cannot write to stdout (${code}): ${remedy}${outlived ? '; its lines are lost until then' : ''}`,
    );
  }
  failing = true;
  if (!outlived) process.exit(1);
}

/** Whether the disk was full amid a line: what is written next begins a new one. */
let isCut = false;

/** A file may take the first part of a text, which Node does not tell: then the next line would be joined to half of one. */
function writeToFile(text: string): void {
  const bytes = Buffer.from(isCut ? `\n${text}` : text);
  let written = 0;
  try {
    while (written < bytes.length) written += writeSync(process.stdout.fd, bytes, written);
    isCut = failing = false;
  } catch (error) {
    if (written > 0) isCut = bytes[written - 1] !== '\n'.charCodeAt(0);
    stdoutFailed(error as NodeJS.ErrnoException);
  }
}

/** Writes to stdout, and waits for a slow reader rather than keep what it does not take. */
export async function print(text: string, stopped: AbortSignal): Promise<void> {
  if (fstatSync(process.stdout.fd).isFile()) {
    writeToFile(text);
    return;
  }
  const taken = process.stdout.write(text, (error) => {
    if (!error) failing = false;
  });
  if (taken || stopped.aborted) return;
  // Whoever stops us does not wait for the reader.
  await once(process.stdout, 'drain', { signal: stopped }).catch(() => {});
}

/** What waits in memory for whoever reads stdout or stderr, bytes at most, beside a line. */
const MOST_WAITING = 2 ** 20;

/** Lines that found no room since there was some; undefined: there is. */
let dropped: number | undefined;

/**
 * Writes a line to stdout without waiting for its reader, who may have stopped: what is more than may wait is dropped, and
 * not even made. That is said once, and again when all that waited has been read.
 */
export function printOrDrop(line: () => string): void {
  if (fstatSync(process.stdout.fd).isFile()) return writeToFile(line());
  const waiting = process.stdout.writableLength;
  if (dropped !== undefined && waiting === 0) {
    complain(`stdout is read again: ${counted(dropped, 'line')} of it ${dropped === 1 ? 'is' : 'are'} lost`);
    dropped = undefined;
  }
  if (dropped === undefined && waiting > MOST_WAITING) {
    complain('nobody reads stdout: its lines are lost until somebody does, all else goes on');
    dropped = 0;
  }
  if (dropped !== undefined) {
    dropped++;
    return;
  }
  process.stdout.write(line(), (error) => {
    if (!error) failing = false;
  });
}

/** Of what the meter logs, that which puts figures in doubt for as long as it runs. */
export function complainOfDoubts(line: string): void {
  if (line.startsWith('event=hidden ')) complain(line);
}

/** `1 snapshot`, `2 snapshots`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** One line on stderr for a person, who need not be there: what nobody reads does not pile up. */
export function complain(line: string): void {
  if (process.stderr.writableLength > MOST_WAITING) return;
  process.stderr.write(`${process.stderr.isTTY ? '\r\x1b[K' : ''}joules: ${printable(line)}\n`);
}
