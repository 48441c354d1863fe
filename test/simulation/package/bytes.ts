// SPDX-License-Identifier: Apache-2.0
import type { Readable } from 'node:stream';

/** Reads so and so many bytes of a stream at a time. Rejects if it ends before. */
export function createByteReader(stream: Readable): (bytes: number) => Promise<Buffer> {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let kept: Buffer[] = [];
  let length = 0;
  return async (bytes) => {
    while (length < bytes) {
      const { done, value } = await chunks.next();
      if (done) throw new Error('the stream has ended early');
      kept.push(value);
      length += value.length;
    }
    const all = kept.length === 1 ? kept[0]! : Buffer.concat(kept);
    kept = [all.subarray(bytes)];
    length -= bytes;
    return all.subarray(0, bytes);
  };
}
