// SPDX-License-Identifier: Apache-2.0
import { arch, release } from 'node:os';
import { join } from 'node:path';
import { cpuField, isVirtualMachine } from '../host/cpuinfo.ts';
import { onlineCores, parseCpuList } from '../host/cpus.ts';
import { readText } from '../util/files.ts';
import type { Observation } from '../verify/observation.ts';

/** What may be told of this machine, and the CPUs that can be used. */
export function machineOf(
  sys: string,
  proc: string,
): Pick<Observation, 'machine' | 'online' | 'allowed' | 'oneOfEachCore'> {
  const found = onlineCores(sys);
  const online = found.flatMap(({ cpus }) => cpus);
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readText('/proc/self/status') ?? '')?.[1];
  const allowed = list === undefined ? online : parseCpuList(list);
  const firsts = found.map(({ cpus }) => cpus.find((cpu) => allowed.includes(cpu)));
  return {
    machine: {
      model: cpuField(proc, 'model name') || 'unknown processor',
      kernel: release(),
      arch: arch(),
      virtual: isVirtualMachine(proc),
      cpus: online.length,
      cores: found.length,
      packages: new Set(found.map((core) => core.package)).size,
    },
    online,
    allowed,
    oneOfEachCore: firsts.filter((cpu) => cpu !== undefined),
  };
}

/**
 * Those of some CPUs that are of the largest kind that the machine has: on a small core the same load draws less, and is
 * to be compared with nothing else. Kernel: PMU `cpu_core` of Intel's hybrids lists the large ones
 * (arch/x86/events/intel/core.c), `cpu_capacity` says of ARM's what each can do (drivers/base/arch_topology.c).
 */
export function likeCores(sys: string, cpus: readonly number[]): readonly number[] {
  const large = readText(join(sys, 'bus/event_source/devices/cpu_core/cpus'));
  if (large !== undefined) {
    const listed = new Set(parseCpuList(large));
    const found = cpus.filter((cpu) => listed.has(cpu));
    return found.length > 0 ? found : cpus;
  }
  const capacities = cpus.map((cpu) =>
    Number(readText(join(sys, `devices/system/cpu/cpu${cpu}/cpu_capacity`)) ?? 0),
  );
  const most = Math.max(...capacities);
  return cpus.filter((_, i) => capacities[i] === most);
}
