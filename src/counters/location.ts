// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, read } from 'node:fs';
import { promisify } from 'node:util';
import type { OpenCounter } from './open-counter.ts';
import { openPerfEvent } from '../probe/addon.ts';
import type { CounterLocation } from '../model/source.ts';
import { isAsleep, openPower } from './power.ts';

const readAt = promisify(read);

/** Opens a counter. @throws EnergyError, or the error of open(2). */
export function openCounter(location: CounterLocation): OpenCounter {
  if (location.via === 'perf') return opened(openPerfEvent(location.event, location.cpu), eventReader);
  if (location.via === 'power') return openPower(location);
  if (location.via === 'hwmon') return openUnlessAsleep(location);
  const fd = openSync(location.path, 'r');
  return opened(fd, location.via === 'msr' ? () => registerReader(fd, location.address) : textReader);
}

function opened(fd: number, reader: (fd: number) => () => Promise<bigint>): OpenCounter {
  return { read: reader(fd), close: () => closeSync(fd) };
}

/** perf_event_open(2): value, time enabled, time running. */
function eventReader(fd: number): () => Promise<bigint> {
  const words = new BigUint64Array(3);
  let lastRunning = -1n;
  return async () => {
    const { bytesRead } = await readAt(fd, words, 0, words.byteLength, null);
    const [count = 0n, , running = 0n] = words;
    // An event that went offline with its CPU goes on being read with success: its time stands still.
    if (bytesRead < words.byteLength || running <= lastRunning) throw new Error('its perf event is dead');
    lastRunning = running;
    return count;
  };
}

/**
 * A counter of a device that may sleep: it counts nothing meanwhile, and to read it would wake it (of i915, xe and
 * amdgpu each read does).
 */
function openUnlessAsleep({ path, device }: CounterLocation & { via: 'hwmon' }): OpenCounter {
  const file = opened(openSync(path, 'r'), textReader);
  let last: bigint | undefined;
  return {
    async read() {
      if (last === undefined || !(await isAsleep(device))) last = await file.read();
      return last;
    },
    close: () => file.close(),
  };
}

/** sysfs gives a file's value anew at every read of its beginning. */
function textReader(fd: number): () => Promise<bigint> {
  const bytes = Buffer.alloc(32);
  return async () => {
    const { bytesRead } = await readAt(fd, bytes, 0, bytes.length, 0);
    const text = bytes.toString('latin1', 0, bytesRead).trim();
    if (!/^\d+$/.test(text)) throw new Error(`${JSON.stringify(text)} is not a count`);
    return BigInt(text);
  };
}

/** msr(4): 8 bytes at the register's number. */
function registerReader(fd: number, address: number): () => Promise<bigint> {
  const register = new BigUint64Array(1);
  return async () => {
    const { bytesRead } = await readAt(fd, register, 0, 8, address);
    if (bytesRead < 8) throw new Error('the register was read in part');
    return BigInt.asUintN(32, register[0]!);
  };
}
