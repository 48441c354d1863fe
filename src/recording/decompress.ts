// SPDX-License-Identifier: Apache-2.0
import type { FileHandle } from 'node:fs/promises';
import { PassThrough, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip } from 'node:zlib';

/** Bytes that are read of a file, and handed out, at a time: a few bytes may become very many. */
const PIECE = 65_536;

/**
 * What a file of JSON lines says, piece by piece, whether brotli has compressed it (as `joules record` does), gzip or nobody.
 * A file that was cut off ends where it was cut, without an error: whoever wrote it was killed. Rejects where it is damaged.
 */
export async function* decompressed(file: FileHandle): AsyncGenerator<Buffer, void> {
  const first = Buffer.alloc(2);
  const { bytesRead } = await file.read(first, 0, 2, 0);
  if (bytesRead === 0) return;
  const stream = streamFor(first);
  let failure: Error | undefined;
  let isFed = false;
  let wake = (): void => {};
  stream.on('error', (error) => (failure ??= error));
  stream.on('readable', () => wake());
  stream.on('close', () => wake());
  // It is never told that its input ends: what is missing then would be an error.
  const fed = feed(file, stream).then(() => {
    isFed = true;
    wake();
  });
  // What is wrong with it is told by `failure`, what is wrong with the file by whoever waits for it at the end.
  fed.catch(() => stream.destroy());
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const piece = stream.read() as Buffer | null;
      if (piece) yield piece;
      else if (failure || isFed || stream.destroyed) break;
      else await changed;
    }
  } finally {
    stream.destroy();
    await fed.catch(() => {});
  }
  if (failure) throw failure;
  await fed;
}

function streamFor([first, second]: Buffer): Transform {
  if (first === 0x1f && second === 0x8b) return createGunzip({ chunkSize: PIECE });
  return first === 0x7b ? new PassThrough() : createBrotliDecompress({ chunkSize: PIECE });
}

async function feed(file: FileHandle, stream: Transform): Promise<void> {
  let position = 0;
  while (!stream.destroyed) {
    const buffer = Buffer.allocUnsafe(PIECE);
    const { bytesRead } = await file.read(buffer, 0, PIECE, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    await new Promise<void>((resolve, reject) => {
      stream.once('close', resolve);
      stream.write(buffer.subarray(0, bytesRead), (error) => {
        stream.off('close', resolve);
        if (error) reject(error);
        else resolve();
      });
    });
  }
}
