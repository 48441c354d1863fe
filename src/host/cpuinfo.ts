// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A field of the first CPU of /proc/cpuinfo; empty if it is not there: an unknown CPU is an answer too. */
export function cpuField(proc: string, name: string): string {
  try {
    const text = readFileSync(join(proc, 'cpuinfo'), 'utf8');
    return new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1] ?? '';
  } catch {
    return '';
  }
}
