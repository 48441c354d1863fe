// SPDX-License-Identifier: Apache-2.0
import { readText } from '../util/files.ts';

/** Those of capabilities(7) that this package has to do with, by their number in include/uapi/linux/capability.h. */
const NUMBERS = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_KILL: 5,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

export type Capability = keyof typeof NUMBERS;

/** What this process may do now, of what it has to do with; undefined where /proc/self does not tell. */
export function effectiveCapabilities(proc: string = '/proc'): ReadonlySet<Capability> | undefined {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(readText(`${proc}/self/status`) ?? '')?.[1];
  if (mask === undefined) return undefined;
  const effective = BigInt(`0x${mask}`);
  return new Set(ALL.filter((name) => (effective & maskOf([name])) !== 0n));
}

const ALL = Object.keys(NUMBERS) as Capability[];

/** As the kernel has a set of capabilities: bit N is number N. */
export function maskOf(capabilities: Iterable<Capability>): bigint {
  let mask = 0n;
  for (const name of capabilities) mask |= 1n << BigInt(NUMBERS[name]);
  return mask;
}
