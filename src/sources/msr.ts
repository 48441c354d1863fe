// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { cpuField, isAmd } from '../host/cpuinfo.ts';
import { IDLE_CORE_WEIGHT, MAX_WATTS } from './limits.ts';
import type { PolledSource, Rejection } from '../model/source.ts';
import { isShortage, systemError } from '../util/system-error.ts';
import { type HostRoots, zonesOf } from './zones.ts';

// AMD, "Processor Programming Reference", Core::X86::Msr::RAPL_PWR_UNIT and ::CORE_ENERGY_STAT; kernel:
// MSR_AMD_RAPL_POWER_UNIT and MSR_AMD_CORE_ENERGY_STATUS in arch/x86/include/asm/msr-index.h.
const RAPL_UNIT = 0xc0010299;
const CORE_ENERGY = 0xc001029a;
/** As the kernel, we take the lower 32 bits only: the upper ones are reserved on older families. */
const RANGE = 2n ** 32n;

const ZEN = 0x17;

/**
 * The energy counters of AMD Zen and Hygon cores in their model-specific registers, for kernels without PMU
 * power_core (before 6.14). Reading one interrupts its CPU, so they are read once a second and split over the
 * core's tasks by run time: apportioned.
 */
export function msrSource(
  roots: HostRoots & { readonly dev: string },
): Omit<PolledSource, 'auxiliary'> | Rejection {
  const name = 'msr';
  const { proc, dev } = roots;
  if (!isAmd(proc) || Number(cpuField(proc, 'cpu family')) < ZEN) {
    return { name, reason: 'only AMD Zen and Hygon CPUs have a register per core', isAbsent: true };
  }
  const zones = zonesOf('core', roots);
  const path = (cpu: number): string => join(dev, `cpu/${cpu}/msr`);
  let joulesPerCount: number;
  try {
    const first = path(zones[0]!.lead);
    joulesPerCount = 2 ** -Number((readRegister(first, RAPL_UNIT) >> 8n) & 0x1fn);
    // As the kernel's own test: a hypervisor that lets the register be read has 0 there.
    if (readRegister(first, CORE_ENERGY) % RANGE === 0n) return { name, reason: NOT_WORKING, isAbsent: true };
  } catch (error) {
    if (isShortage(error)) throw systemError('read a register', error, '');
    return { name, reason: whyNot(error as NodeJS.ErrnoException) };
  }
  return {
    name,
    domain: 'cpu',
    scope: 'core',
    reader: 'user',
    kind: 'apportioned',
    zones,
    counters: zones.map(({ id, cpus, lead }) => ({
      id,
      domain: 'cpu',
      cpus,
      joulesPerCount,
      range: RANGE,
      maxWatts: MAX_WATTS.core,
      location: { via: 'msr', path: path(lead), address: CORE_ENERGY },
    })),
    idleWeight: IDLE_CORE_WEIGHT,
  };
}

const NOT_WORKING = 'the register of the first core does not count, as in virtual machines';

function whyNot({ code, path }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `${path ?? 'its file'} is not there: load the module msr (modprobe msr)`;
  if (code === 'EACCES' || code === 'EPERM') {
    return 'the registers may be read with CAP_SYS_RAWIO alone, and not where the kernel is locked down';
  }
  return NOT_WORKING;
}

/** Format of the file: msr(4), 8 bytes at the register's number. */
function readRegister(path: string, address: number): bigint {
  const fd = openSync(path, 'r');
  try {
    const register = new BigUint64Array(1);
    readSync(fd, register, 0, 8, address);
    return register[0]!;
  } finally {
    closeSync(fd);
  }
}
