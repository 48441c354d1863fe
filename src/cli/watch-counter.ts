// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from 'node:fs';
import type { CounterLocation } from '../model/source.ts';
import type { Seconds } from '../model/units.ts';
import { openPerfEvent } from '../probe/addon.ts';
import type { Update, Watch } from '../verify/observation.ts';

/** What can be read in a loop: registers, however they are reached. */
type Register = Extract<CounterLocation, { readonly via: 'perf' | 'msr' | 'powercap' }>;

export function isRegister(location: CounterLocation): location is Register {
  return ['perf', 'msr', 'powercap'].includes(location.via);
}

/** Where a counter is read, and what its counts are. */
export interface Watched {
  readonly location: Register;
  readonly joulesPerCount: number;
  /** Counts after which it starts at 0 again; 0: it does not. */
  readonly range: bigint;
}

/** Updates that are enough to tell how a counter behaves, and how long they are waited for at most. */
const ENOUGH_UPDATES = 1000;
const LEAST_UPDATES = 3;

/**
 * Reads a counter in a loop for `seconds`, and, where it has not moved by then, for up to `longest`. Blocks meanwhile:
 * what comes between two reads is time in which a change was not seen.
 * @throws EnergyError, or the error of open(2) or read(2).
 */
export function watchCounter(
  watched: Watched,
  { seconds, longest }: { seconds: Seconds; longest: Seconds },
): Watch {
  const { joulesPerCount, range } = watched;
  const { read, close } = openReader(watched.location);
  try {
    const began = process.hrtime.bigint();
    const updates: Update[] = [];
    let last = read();
    let [reads, counts, elapsed] = [1, 0n, 0];
    // A read may be as old as the clock before it, where others ran in between: of two reads that differ, the first one.
    let [beforeNs, lastNs] = [0, 0];
    while (elapsed < longest && updates.length < ENOUGH_UPDATES) {
      if (elapsed > seconds && updates.length >= LEAST_UPDATES) break;
      const count = read();
      const ns = Number(process.hrtime.bigint() - began);
      reads++;
      elapsed = ns / 1e9;
      if (count !== last) {
        counts += count >= last || range === 0n ? count - last : count + range - last;
        last = count;
        updates.push({ ns, beforeNs, joules: Number(counts) * joulesPerCount });
      }
      [beforeNs, lastNs] = [lastNs, ns];
    }
    return { seconds: elapsed, reads, updates };
  } finally {
    close();
  }
}

interface Reader {
  readonly read: () => bigint;
  readonly close: () => void;
}

function openReader(location: Register): Reader {
  if (location.via === 'perf') {
    const fd = openPerfEvent(location.event, location.cpu);
    const words = new BigUint64Array(3);
    return { close: () => closeSync(fd), read: () => (readSync(fd, words), words[0]!) };
  }
  const fd = openSync(location.path, 'r');
  const close = (): void => closeSync(fd);
  if (location.via === 'msr') {
    const register = new BigUint64Array(1);
    const { address } = location;
    return {
      close,
      read() {
        readSync(fd, register, 0, 8, address);
        return BigInt.asUintN(32, register[0]!);
      },
    };
  }
  const bytes = Buffer.alloc(32);
  return { close, read: () => BigInt(bytes.toString('latin1', 0, readSync(fd, bytes, 0, 32, 0)).trim()) };
}
