// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Columns } from '../../../src/probe/columns.ts';
import { build } from '../program.ts';
import { RECORD_BYTES } from '../trace.ts';
import { taskBytes } from '../file.ts';
import { createByteReader } from './bytes.ts';
import { parseColumns } from './parse-columns.ts';
import type { PackageHardware } from './hardware.ts';
import type { Second } from './machine.ts';

/** What a frame of records for the replay holds, as frames.h has it. */
const FRAME = { tasks: 1, records: 2 } as const;

export interface MeterOptions {
  readonly threads: number;
  readonly packages: number;
  readonly hardware: PackageHardware;
}

/** The meter of a simulated machine: the source of bpf/ and the model of native/, compiled for this host. */
export interface Meter {
  /** Replays a second. Resolves to the interval that it drains at the end. */
  replay(second: Second): Promise<Columns>;
  /** Ends it. Rejects if it has failed. */
  close(): Promise<void>;
}

/** Starts a replay program of its own, to which seconds are sent as they are simulated. */
export function startMeter({ threads, packages, hardware }: MeterOptions): Meter {
  const heldUpEvery = hardware.heldUp > 0 ? Math.round(1 / hardware.heldUp) : 0;
  const args = [threads, packages, hardware.periodNs, heldUpEvery].map(String);
  const child = spawn(build('replay-package'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close').then(([status]) => {
    if (status !== 0) throw new Error('the replay of packages has failed');
  });
  // Told by whoever waits for it.
  ended.catch(() => {});
  const read = createByteReader(child.stdout);
  // What ends the program early is told by its end.
  child.stdin.on('error', () => {});
  let last: Promise<unknown> = Promise.resolve();

  /** The interval after the given one. */
  async function take(before: Promise<unknown>): Promise<Columns> {
    await before;
    const head = await read(8);
    const header = await read(head.readUInt32LE(0));
    return parseColumns(header.toString(), await read(head.readUInt32LE(4)));
  }

  return {
    async replay({ tasks, records }) {
      child.stdin.write(frame(FRAME.tasks, tasks.length, Buffer.concat(tasks.map(taskBytes))));
      child.stdin.write(frame(FRAME.records, records.byteLength / RECORD_BYTES, records));
      // Where the program has failed, that is why there are no columns.
      const columns = take(last).catch(async (error: unknown) => {
        await ended;
        throw error;
      });
      last = columns;
      return columns;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

function frame(kind: number, count: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(kind, 0);
  head.writeUInt32LE(count, 4);
  return Buffer.concat([head, payload]);
}
