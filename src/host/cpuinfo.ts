// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { readText } from '../util/files.ts';

/** A field of the first CPU of /proc/cpuinfo; empty if it is not there: an unknown CPU is an answer too. */
export function cpuField(proc: string, name: string): string {
  const text = readText(join(proc, 'cpuinfo')) ?? '';
  return new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1] ?? '';
}

/** Whether a hypervisor says that it is there. */
export function isVirtualMachine(proc: string): boolean {
  return cpuField(proc, 'flags').split(' ').includes('hypervisor');
}

/** Whether CPUs of this maker have counters of energy that Linux shows (RAPL). */
export function mayHaveRapl(proc: string): boolean {
  return isAmd(proc) || cpuField(proc, 'vendor_id') === 'GenuineIntel';
}

/** Whether it is a CPU of AMD, or one of Hygon, whose are AMD's by licence. */
export function isAmd(proc: string): boolean {
  return ['AuthenticAMD', 'HygonGenuine'].includes(cpuField(proc, 'vendor_id'));
}
