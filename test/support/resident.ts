// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';

/** Resident memory of a process, MB. */
export function residentMb(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))![1]) / 1024;
}
