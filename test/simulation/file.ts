// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync } from 'node:fs';
import { RECORD_BYTES, type Trace, type TraceTask } from './trace.ts';

const HEADER_BYTES = 24;
const ZONE_CPUS = 8;
const TASK_BYTES = 32;
const COMM_BYTES = 15;

/** Writes a trace as trace.h has it, which says what the parts are. Throws the file system's errors. */
export function writeTrace(path: string, trace: Trace): void {
  const file = openSync(path, 'w');
  try {
    const { zones, tasks, records } = trace;
    for (const part of [header(trace), ...zones.map(zone), ...tasks.map(taskBytes), records]) {
      for (let done = 0; done < part.byteLength;) done += writeSync(file, part, done);
    }
  } finally {
    closeSync(file);
  }
}

function header({ cpus, zones, tasks, records }: Trace): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES);
  bytes.write('ENERGYT1', 'latin1');
  bytes.writeUInt32LE(cpus, 8);
  bytes.writeUInt32LE(zones.length, 12);
  bytes.writeUInt32LE(tasks.length, 16);
  bytes.writeUInt32LE(records.byteLength / RECORD_BYTES, 20);
  return bytes;
}

function zone(cpus: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * ZONE_CPUS, 0xff);
  cpus.forEach((cpu, i) => bytes.writeUInt32LE(cpu, 4 * i));
  return bytes;
}

/** A task as trace.h has it. */
export function taskBytes({ startNs, cgroup, comm }: TraceTask): Buffer {
  const bytes = Buffer.alloc(TASK_BYTES);
  bytes.writeBigUInt64LE(BigInt(startNs), 0);
  bytes.writeBigUInt64LE(BigInt(cgroup), 8);
  bytes.write(comm, 16, COMM_BYTES, 'latin1');
  return bytes;
}
