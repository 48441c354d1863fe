// SPDX-License-Identifier: Apache-2.0
import { cpuField } from '../host/cpuinfo.ts';
import type { CpuPower } from '../model/source.ts';

/** Power per hardware thread of servers with one kind of CPU, in watts, and how to know the CPU. */
interface Row {
  readonly name: string;
  readonly idle: number;
  readonly busy: number;
  /** Matches `VENDOR-FAMILY-MODEL-STEPPING MODEL NAME`, see `cpuKey`. */
  readonly cpu: RegExp;
  readonly reference?: string;
}

const CCF = 'Cloud Carbon Footprint';

/**
 * "Min CpuPower" and "Max CpuPower" of output/coefficients-aws-use.csv in github.com/cloud-carbon-footprint/
 * ccf-coefficients (commit b0032d92, from the SPECpower_ssj2008 results of 2026-03-09), rounded. They are the
 * mean, over published servers with such CPUs, of the power at the wall divided by the hardware threads: at
 * active idle, and at 100 % load. Memory, fans and power supply are therefore in them.
 *
 * EPYC 5th Gen is ours, by the same formula, from data/SPECpower-2026-03-09.csv: the 41 servers with an EPYC
 * 9005. The row published for it (3.68 and 8.96 W) cannot be: the hungriest of them draws 2.02 W per thread.
 *
 * CPU models: arch/x86/include/asm/intel-family.h and arch/x86/kernel/cpu/amd.c of the kernel, steppings of
 * Intel's model 55h: its tools/perf/pmu-events/arch/x86/mapfile.csv. AMD numbers some desktop parts like its
 * servers, so that the name has to say EPYC.
 */
const ROWS: readonly Row[] = [
  { name: 'Sandy Bridge', idle: 2.2122, busy: 8.6309, cpu: /^GenuineIntel-6-2[AD]-/ },
  { name: 'Ivy Bridge', idle: 1.7074, busy: 5.5569, cpu: /^GenuineIntel-6-3[AE]-/ },
  { name: 'Haswell', idle: 1.8574, busy: 5.5954, cpu: /^GenuineIntel-6-(3C|3F|45|46)-/ },
  { name: 'Broadwell', idle: 0.7128, busy: 3.6853, cpu: /^GenuineIntel-6-(3D|47|4F|56)-/ },
  { name: 'Skylake', idle: 0.613, busy: 4.1042, cpu: /^GenuineIntel-6-(4E-|5E-|55-[0-4] )/ },
  { name: 'Cascade Lake', idle: 0.6903, busy: 4.0632, cpu: /^GenuineIntel-6-55-[5-7] / },
  { name: 'Coffee Lake', idle: 1.1384, busy: 5.4218, cpu: /^GenuineIntel-6-9E-[A-D] / },
  { name: 'Ice Lake', idle: 0.7668, busy: 3.7582, cpu: /^GenuineIntel-6-6[AC]-/ },
  { name: 'Sapphire Rapids', idle: 1.0363, busy: 4.1605, cpu: /^GenuineIntel-6-8F-/ },
  { name: 'Emerald Rapids', idle: 0.814, busy: 4.482, cpu: /^GenuineIntel-6-CF-/ },
  { name: 'Granite Rapids', idle: 0.5816, busy: 2.5275, cpu: /^GenuineIntel-6-AD-/ },
  { name: 'EPYC 1st Gen', idle: 0.8468, busy: 2.6042, cpu: /^AuthenticAMD-23-1-. .*EPYC/ },
  { name: 'EPYC 2nd Gen', idle: 0.4743, busy: 1.693, cpu: /^AuthenticAMD-23-31-. .*EPYC/ },
  { name: 'EPYC 3rd Gen', idle: 0.4556, busy: 1.9573, cpu: /^AuthenticAMD-25-1-. .*EPYC/ },
  { name: 'EPYC 4th Gen', idle: 0.7391, busy: 2.2822, cpu: /^AuthenticAMD-25-(11|A0)-. .*EPYC/ },
  {
    name: 'EPYC 5th Gen',
    idle: 0.2346,
    busy: 1.3227,
    cpu: /^AuthenticAMD-26-(0|2|11)-. .*EPYC/,
    reference: 'SPECpower_ssj2008, EPYC 5th Gen',
  },
];

/**
 * Servers with one kind of CPU differ by some ten percent: two digits. The table's rows differ by a factor of five, and
 * machines that are not in it need not be servers at all: of them one digit is much.
 */
const DIGITS = { known: 2, unknown: 1 } as const;

/** CpuPower per CPU of the machine whose procfs is mounted at `proc`; of an unknown CPU the table's mean. */
export function publishedWatts(proc: string): CpuPower {
  const key = cpuKey(proc);
  const row = ROWS.find(({ cpu }) => cpu.test(key));
  if (row) {
    const { idle, busy, name, reference = `${CCF}, ${name}` } = row;
    return { idle, busy, reference, covers: 'server', digits: DIGITS.known };
  }
  const mean = (pick: (row: Row) => number): number =>
    roundTo(DIGITS.unknown, ROWS.reduce((sum, other) => sum + pick(other), 0) / ROWS.length);
  return {
    idle: mean(({ idle }) => idle),
    busy: mean(({ busy }) => busy),
    reference: 'unknown CPU, mean of servers',
    covers: 'server',
    digits: DIGITS.unknown,
  };
}

function roundTo(digits: number, value: number): number {
  return Number(value.toPrecision(digits));
}

/**
 * The first CPU of /proc/cpuinfo as tools/perf names CPUs, family in decimal and model and stepping in
 * hexadecimal (`GenuineIntel-6-55-7`), and its model name.
 */
function cpuKey(proc: string): string {
  const hex = (name: string): string => Number(cpuField(proc, name)).toString(16).toUpperCase();
  const vendor = cpuField(proc, 'vendor_id');
  const cpu = [vendor, cpuField(proc, 'cpu family'), hex('model'), hex('stepping')].join('-');
  return `${cpu} ${cpuField(proc, 'model name')}`;
}
