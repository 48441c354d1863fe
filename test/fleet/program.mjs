// SPDX-License-Identifier: Apache-2.0
// What a program of another language costs: its CPU time and memory by /proc, its files by their size.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** s between looks at what programs do. */
const LOOK = 3;
/** A program that uses less of a CPU is at rest. */
const REST = 0.1;
/** s until what a program does is taken for all that it will ever do: others may use this machine. */
const MOST = 600;

/** Waits until programs rest: nothing comes in any more, and what came is stored and merged. */
export async function settle(...programs) {
  const used = () => programs.reduce((total, program) => total + cpuSeconds(program), 0);
  for (let waited = 0, before = used(); waited < MOST; waited += LOOK) {
    await sleep(LOOK * 1000);
    const now = used();
    if (now - before < REST * LOOK) return;
    before = now;
  }
}

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS_A_SECOND = 100;

/** s. */
export function cpuSeconds({ pid }) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) / TICKS_A_SECOND;
}

/** Most memory it had so far, MB. */
export function peakMb({ pid }) {
  return Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024;
}

/** Bytes of all files below a directory, as long as they stay. */
export function sizeOf(directory) {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}
