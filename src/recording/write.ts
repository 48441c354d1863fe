// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { constants, existsSync, lstatSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { type BrotliCompress, constants as zlib, createBrotliCompress } from 'node:zlib';
import { EnergyError, usageError } from '../model/errors.ts';
import { filesOf, isRecording } from './read.ts';

/** What is lost at most where the process is killed, ms. */
const FLUSH_MS = 5000;
/** Characters after which it is written as well, so that a file is not much larger than it may be. */
const FLUSH_CHARACTERS = 1e6;

/**
 * Snapshots name the same things again and again: a window of 4 MiB sees what the one before has said also where there are
 * thousands of processes, which gzip's of 32 KiB does not.
 */
const BROTLI = { [zlib.BROTLI_PARAM_QUALITY]: 5, [zlib.BROTLI_PARAM_LGWIN]: 22 };

/** Nobody else may put a link where we write, or read who runs what. */
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const MODE = 0o600;

export interface WriterOptions {
  readonly path: string;
  /** A file becomes that large; then it is `FILE.1`, and another one is begun. */
  readonly maxBytes: number;
  /** Files at most, with the one that is written; the oldest is removed. */
  readonly files: number;
}

/** A file of the recording while it is written. */
interface Current {
  readonly file: FileHandle;
  readonly stream: BrotliCompress;
  readonly written: Promise<void>;
  bytes: number;
}

/** Writes lines to a compressed file, in pieces that can be read whatever becomes of us. Calls are made one after the other. */
export class RecordingWriter {
  readonly #options: WriterOptions;
  #current: Current | undefined;
  #flushed = -Infinity;
  #unflushed = 0;
  #lines = 0;
  #total = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Bytes that have been written, of all files. */
  get bytes(): number {
    return this.#total + (this.#current?.bytes ?? 0);
  }

  /**
   * A recording that is there already is rotated, not added to; resolves with whether one was. @throws EnergyError where no
   * file can be made, or is another's.
   */
  async open(): Promise<boolean> {
    const { path } = this.#options;
    // What is rotated is removed in the end: no file of somebody's may be taken for a recording, and no device, such as
    // /dev/null, or link to one, such as /dev/stdout, for an empty file.
    for (const file of filesOf(path).filter(existsSync))
      if (!lstatSync(file).isFile() || !(await isRecording(file)))
        throw usageError(`${file} is there and is no recording: it is left alone, choose another --output`);
    const wasThere = existsSync(path);
    await this.#begin();
    return wasThere;
  }

  /** @throws EnergyError where it cannot be written. */
  async add(line: string): Promise<void> {
    if (this.#current!.bytes >= this.#options.maxBytes) {
      await this.#end();
      await this.#begin();
    }
    const { stream } = this.#current!;
    this.#lines++;
    if (!stream.write(line)) await this.#unlessFailed(once(stream, 'drain'));
    this.#unflushed += line.length;
    const now = performance.now();
    if (now - this.#flushed < FLUSH_MS && this.#unflushed < FLUSH_CHARACTERS) return;
    this.#flushed = now;
    this.#unflushed = 0;
    await this.#unlessFailed(new Promise<void>((resolve) => stream.flush(resolve)));
  }

  async close(): Promise<void> {
    if (this.#current) await this.#end();
  }

  async #begin(): Promise<void> {
    const { path } = this.#options;
    try {
      await this.#rotate();
      const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE);
      const stream = createBrotliCompress({ params: BROTLI });
      const current: Current = { file, stream, written: Promise.resolve(), bytes: 0 };
      this.#current = { ...current, written: drain(current, (bytes) => (this.#current!.bytes += bytes)) };
      this.#current.written.catch(() => stream.destroy());
      // Of a file that ends before its first line it could not be told that it is a recording.
      this.#flushed = -Infinity;
    } catch (error) {
      throw failure(path, error);
    }
  }

  async #end(): Promise<void> {
    const { stream, written, file } = this.#current!;
    try {
      stream.end();
      await written;
    } catch (error) {
      throw failure(this.#options.path, error);
    } finally {
      await file.close();
      this.#total += this.#current!.bytes;
      this.#current = undefined;
    }
  }

  /** Makes room for the file: `FILE` becomes `FILE.1`, and that `FILE.2`. */
  async #rotate(): Promise<void> {
    const { path, files } = this.#options;
    const numbers = filesOf(path).map((file) => (file === path ? 0 : Number(file.slice(path.length + 1))));
    for (const number of numbers) {
      const file = number === 0 ? path : `${path}.${number}`;
      if (number + 1 >= files) await rm(file, { force: true });
      else await rename(file, `${path}.${number + 1}`).catch(unlessMissing);
    }
  }

  /** Waits for something that does not come where the file cannot be written. */
  async #unlessFailed(done: Promise<unknown>): Promise<void> {
    try {
      await Promise.race([done, this.#current!.written]);
    } catch (error) {
      throw failure(this.#options.path, error);
    }
  }
}

async function drain({ file, stream }: Current, count: (bytes: number) => void): Promise<void> {
  for await (const piece of stream) {
    const { length } = piece as Buffer;
    for (let at = 0; at < length;) at += (await file.write(piece as Buffer, at)).bytesWritten;
    count(length);
  }
}

function unlessMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function failure(path: string, error: unknown): EnergyError {
  const { code = 'EIO' } = error as NodeJS.ErrnoException;
  const remedy =
    code === 'ENOSPC' ? 'free some space, or record elsewhere' : 'record elsewhere with --output';
  return new EnergyError(code, `cannot write ${path} (${code}): ${remedy}`, 1, { cause: error });
}
