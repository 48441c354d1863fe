// SPDX-License-Identifier: Apache-2.0
import { constants, createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * A FIFO would keep `open` waiting for its writer, a link would lead to what its maker cannot read himself, and a
 * terminal would become ours.
 */
const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
const CAUTIOUSLY = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

/**
 * The text of a file where others may have put something else. Rejects where it is no regular file (a link, a FIFO, a
 * device, a directory), has more than `limit` bytes, or is not `owner`'s, a user id, if one is given: directories on the
 * way may be links, but what its maker cannot read himself is not his either.
 */
export async function readRegularFile(path: string, limit: number, owner?: number): Promise<string> {
  let text = '';
  for await (const piece of regularFilePieces(path, limit, owner)) text += piece;
  return text;
}

/** As `readRegularFile`, in pieces: that it is too long may show after some of them. */
export async function* regularFilePieces(
  path: string,
  limit: number,
  owner?: number,
): AsyncGenerator<string, void> {
  await using file = await open(path, CAUTIOUSLY);
  const status = await file.stat();
  if (!status.isFile()) throw new Error(`${path} is no regular file`);
  if (owner !== undefined && status.uid !== owner) throw new Error(`${path} is not of user ${owner}`);
  if (status.size > limit) throw tooLong(path, limit);
  // It may grow while it is read: `end` is the last byte, one more than there may be.
  const stream = createReadStream(path, { fd: file, autoClose: false, encoding: 'utf8', end: limit });
  for await (const piece of stream) yield piece as string;
  if (stream.bytesRead > limit) throw tooLong(path, limit);
}

function tooLong(path: string, limit: number): Error {
  return new Error(`${path} has more than ${limit} bytes`);
}
