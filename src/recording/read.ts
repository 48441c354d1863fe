// SPDX-License-Identifier: Apache-2.0
import { constants, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { EnergyError, EXIT_USAGE } from '../model/errors.ts';
import { SNAPSHOT_SCHEMA, type Snapshot } from '../model/snapshot.ts';
import { decompressed } from './decompress.ts';
import { parseSnapshot } from './parse.ts';

/** Characters of a snapshot at most: one of 100,000 processes has some 30 million. */
const LINE_LIMIT = 1 << 26;
/** Lines of a file at most: a hundred days of seconds. */
const LINES = 10_000_000;

const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants;

/** A time, ms since 1970; both ends are part of it. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A line of a recording, with the end of its interval, ms since 1970. */
export interface RecordedLine {
  readonly time: number;
  readonly parse: () => Snapshot;
}

export interface ReadOptions {
  /** Without it everything. */
  readonly span?: Span | undefined;
  /** Takes a sentence where a file is damaged, or goes back in time: what can be shown is read all the same. */
  readonly complain?: (line: string) => void;
}

/** Files of a recording, the oldest first: `FILE.2`, `FILE.1`, `FILE`. */
export function filesOf(path: string): string[] {
  const name = `${basename(path)}.`;
  const numbers = attemptNames(dirname(path))
    .filter((other) => other.startsWith(name) && /^[1-9]\d{0,3}$/.test(other.slice(name.length)))
    .map((other) => Number(other.slice(name.length)))
    .toSorted((one, other) => other - one);
  return [...numbers.map((number) => `${path}.${number}`), path];
}

/** The snapshots of a recording that end within a span. @throws EnergyError for what is no recording. */
export async function* readRecording(
  path: string,
  options: ReadOptions = {},
): AsyncGenerator<Snapshot, void> {
  const { from, to } = options.span ?? { from: -Infinity, to: Infinity };
  let last = -Infinity;
  for (const file of filesOf(path)) {
    for await (const { time, parse } of recordedLines(file, last, options)) {
      last = time;
      if (time >= from && time <= to) yield parse();
    }
  }
}

/** Whether a file is empty, or begins as a recording does. */
export async function isRecording(file: string): Promise<boolean> {
  if (statSync(file).size === 0) return true;
  try {
    for await (const { parse } of recordedLines(file, -Infinity)) return parse().schema === SNAPSHOT_SCHEMA;
  } catch (error) {
    if (!(error instanceof EnergyError)) throw error;
  }
  return false;
}

/**
 * The lines of one file of a recording that are later than `after`, parsed when they are wanted, none of them kept. One that
 * goes back in time is left out: the clock was set. @throws EnergyError for what is no recording.
 */
export async function* recordedLines(
  file: string,
  after: number,
  options: ReadOptions = {},
): AsyncGenerator<RecordedLine, void> {
  let last = after;
  let number = 0;
  let left = 0;
  for await (const text of linesOf(file, options)) {
    if (++number > LINES) throw unreadable(file, `it has more than ${LINES} lines`);
    if (text === '') continue;
    const parse = parser(file, number, text);
    // Snapshots begin with their schema and their time.
    const time = Date.parse(/"time":"([^"]{1,40})"/.exec(text.slice(0, 200))?.[1] ?? parse().time);
    if (Number.isNaN(time)) throw unreadable(file, `line ${number} has no time`);
    if (time <= last) {
      left++;
      continue;
    }
    last = time;
    yield { time, parse };
  }
  if (left === 0) return;
  const are = left === 1 ? 'is' : 'are';
  options.complain?.(`${left} of the snapshots in ${file} ${are} left out: the clock had been set back`);
}

function parser(file: string, number: number, text: string): () => Snapshot {
  return () => {
    try {
      return parseSnapshot(text);
    } catch (error) {
      const why = `line ${number} is no snapshot (${(error as Error).message})`;
      throw number === 1 ? noRecording(file, why) : unreadable(file, why);
    }
  };
}

async function* linesOf(path: string, { complain }: ReadOptions): AsyncGenerator<string, void> {
  const pieces = piecesOf(path);
  const decoder = new StringDecoder('utf8');
  let begun: string[] = [];
  let length = 0;
  try {
    for await (const piece of pieces) {
      const [first, ...others] = decoder.write(piece).split('\n');
      begun.push(first!);
      length += first!.length;
      for (const other of others) {
        yield begun.join('');
        begun = [other];
        length = other.length;
      }
      if (length > LINE_LIMIT) throw unreadable(path, `a line of more than ${LINE_LIMIT} characters`);
    }
  } catch (error) {
    if (error instanceof EnergyError) throw error;
    complain?.(`${path} is damaged (${(error as Error).message}): what is before that is shown`);
  }
  // What is left has no end: whoever wrote it was stopped while doing so.
}

async function* piecesOf(path: string): AsyncGenerator<Buffer, void> {
  const file = await open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY).catch((error: NodeJS.ErrnoException) => {
    const remedy =
      error.code === 'ENOENT'
        ? 'name one that `joules record` has written'
        : 'run it as whoever recorded it, or let it be read (chmod)';
    throw unreadable(path, `${error.code}; ${remedy}`);
  });
  try {
    if (!(await file.stat()).isFile()) throw unreadable(path, 'it is no regular file');
    yield* decompressed(file);
  } finally {
    await file.close();
  }
}

function attemptNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function unreadable(path: string, why: string): EnergyError {
  return recordingError(`cannot read ${join(path)}: ${why}`);
}

/** What a file is told to be of which not a single snapshot was read. */
export function noRecording(path: string, why?: string): EnergyError {
  return recordingError(`${path} is no recording of joules record${why === undefined ? '' : `: ${why}`}`);
}

/** Whoever named the file is told, as of any bad input. */
export function recordingError(message: string): EnergyError {
  return new EnergyError('ERECORDING', message, EXIT_USAGE);
}
