// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { parseSnapshot } from '../../src/recording/parse.ts';

const PACKED = join(__dirname, '../fixtures/recording.jsonl.br');

/** 195 snapshots of a second, `estimated`: a build, a server under load and a batch in containers, and odd names. */
export function recording(): Snapshot[] {
  const lines = brotliDecompressSync(readFileSync(PACKED)).toString().trimEnd().split('\n');
  return lines.map(parseSnapshot);
}

/** Snapshots one after the other without a break, the last one at `end`, ms since 1970. */
export function endingAt(snapshots: readonly Snapshot[], end: number): Snapshot[] {
  let time = end;
  return snapshots
    .toReversed()
    .map((snapshot) => {
      const at = time;
      time -= snapshot.interval_s * 1000;
      return { ...snapshot, time: new Date(at).toISOString() };
    })
    .toReversed();
}
