// SPDX-License-Identifier: Apache-2.0
import { RECORD_BYTES } from '../trace.ts';

const WORDS = RECORD_BYTES / 4;

/** Records in the layout of trace.h, which is that of a little-endian machine, as they come up. */
export interface Recorder {
  record(kind: number, cpu: number, timeNs: number, value: number): void;
  /** What was recorded since the last time. */
  take(): Uint8Array;
}

export function createRecorder(): Recorder {
  let words = new Uint32Array(WORDS << 16);
  let end = 0;
  return {
    record(kind, cpu, timeNs, value) {
      if (end === words.length) {
        const longer = new Uint32Array(2 * words.length);
        longer.set(words);
        words = longer;
      }
      words[end] = timeNs % 2 ** 32;
      words[end + 1] = timeNs / 2 ** 32;
      words[end + 2] = value % 2 ** 32;
      words[end + 3] = value / 2 ** 32;
      words[end + 4] = kind;
      words[end + 5] = cpu;
      end += WORDS;
    },
    take() {
      const taken = new Uint8Array(words.buffer.slice(0, 4 * end));
      end = 0;
      return taken;
    },
  };
}
