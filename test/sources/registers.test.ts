// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { selectSource } from '../../src/sources/select.ts';
import type { PolledSource, Selection } from '../../src/model/source.ts';
import { addPowercap, copyMachine, type Machine } from '../support/machine.ts';

const CORE = 0xc001029a;

const select = ({ sys, proc, dev }: Machine, spec: string): Selection =>
  selectSource({ spec, sys, proc, dev });
function polled(machine: Machine, spec: string): PolledSource {
  const { source } = select(machine, spec);
  if (source.reader !== 'user') throw new Error(`${spec} is ${source.name}`);
  return source;
}
function failure(machine: Machine, spec: string): unknown {
  try {
    return select(machine, spec);
  } catch (error) {
    return error;
  }
}

/** An AMD server with a kernel before 6.14, whose registers give 2^-16 J a count. */
function zen(): Machine {
  const machine = copyMachine('amd-hidden-event');
  machine.setCoreEnergy(0, 16, 0x1_0000_0100n);
  return machine;
}

describe('msr', () => {
  it('has one register per core, in the unit that the CPU gives', () => {
    const machine = zen();
    const source = polled(machine, 'auto');
    expect(source).toMatchObject({ name: 'msr', scope: 'core', kind: 'apportioned', idleWeight: 1 / 32 });
    expect(source.counters.map(({ id }) => id)).toEqual(source.zones.map(({ id }) => id));
    expect(source.counters[0]).toMatchObject({
      joulesPerCount: 2 ** -16,
      range: 2n ** 32n,
      location: { via: 'msr', path: join(machine.dev, 'cpu/0/msr'), address: CORE },
    });
  });

  it.each([
    [20, 2 ** -20],
    [0, 1],
  ])('takes unit %d for %d J', (unit, joules) => {
    const machine = zen();
    machine.setCoreEnergy(0, unit, 0x100n);
    expect(polled(machine, 'msr').counters[0]!.joulesPerCount).toBe(joules);
  });

  it('is not for Intel, nor for AMD before Zen', () => {
    expect(failure(copyMachine('intel-laptop'), 'msr')).toMatchObject({
      code: 'ENOSOURCE',
      message: expect.stringMatching(/^only AMD Zen and Hygon/),
    });
    const old = zen();
    old.write('proc/cpuinfo', 'vendor_id\t: AuthenticAMD\ncpu family\t: 21\n');
    expect(failure(old, 'msr')).toMatchObject({ message: expect.stringMatching(/^only AMD Zen and Hygon/) });
  });

  it('is passed over where the register stands at 0, as in a virtual machine', () => {
    const machine = zen();
    machine.setCoreEnergy(0, 0, 0x1_0000_0000n);
    const { source, rejected } = select(machine, 'auto');
    expect(source.name).toBe('power');
    expect(rejected.at(-1)).toEqual({
      name: 'msr',
      reason: 'the register of the first core does not count, as in virtual machines',
      isAbsent: true,
    });
  });

  it('finds the counter of a core under the same id when a core of that number goes', () => {
    const machine = zen();
    for (const cpu of [2, 3]) {
      machine.write(`sys/devices/system/cpu/cpu${cpu}/topology/core_id`, '0\n');
      machine.write(`sys/devices/system/cpu/cpu${cpu}/topology/die_id`, '1\n');
    }
    machine.setCoreEnergy(2, 16, 1n << 16n);
    const before = polled(machine, 'msr').counters.map(({ id, cpus }) => [id, cpus]);
    expect(before).toEqual([
      ['core:0:0:0', [0, 1]],
      ['core:0:1:0', [2, 3]],
    ]);
    machine.write('sys/devices/system/cpu/online', '2-3\n');
    const { counters, zones } = polled(machine, 'msr');
    expect(counters.map(({ id, cpus }) => [id, cpus])).toEqual(before.slice(1));
    expect(zones.map(({ id, cpus }) => [id, cpus])).toEqual(before.slice(1));
  });

  it('reads the package beside its cores', () => {
    expect(polled(zen(), 'msr').auxiliary).toMatchObject([{ id: 'package:0', location: { via: 'perf' } }]);
  });
});

describe('powercap', () => {
  /** Two packages with memory, without PMU power. */
  function server(): Machine {
    const machine = copyMachine('intel-server-2s');
    machine.remove('sys/bus/event_source/devices/power');
    for (const i of [0, 1]) {
      addPowercap(machine, `intel-rapl:${i}`, { name: `package-${i}`, energy_uj: 5_000_000 });
      addPowercap(machine, `intel-rapl:${i}:0`, { name: 'core', energy_uj: 1 });
      addPowercap(machine, `intel-rapl:${i}:1`, { name: 'dram', energy_uj: 2 });
      addPowercap(machine, `intel-rapl-mmio:${i}`, { name: `package-${i}`, energy_uj: 3 });
    }
    return machine;
  }

  it('has the packages where PMU power is missing, each once, and never the cores within', () => {
    const machine = server();
    const source = polled(machine, 'auto');
    expect(source).toMatchObject({ name: 'powercap', scope: 'package', kind: 'apportioned', idleWeight: 1 });
    expect(source.zones).toEqual([
      { id: 'package:0', cpus: [0, 1, 2, 3, 4, 5, 6, 7], lead: 0 },
      { id: 'package:1', cpus: [8, 9, 10, 11, 12, 13, 14, 15], lead: 8 },
    ]);
    expect(source.counters[1]).toMatchObject({
      id: 'package:1',
      joulesPerCount: 1e-6,
      range: 262_143_328_851n,
      location: { via: 'powercap', path: join(machine.sys, 'class/powercap/intel-rapl:1/energy_uj') },
    });
    expect(source.auxiliary.map(({ id, domain }) => [id, domain])).toEqual([
      ['memory:0', 'memory'],
      ['memory:1', 'memory'],
    ]);
  });

  it('has no total where all there is is the core zone of AMD, which is one core', () => {
    const machine = copyMachine('vm-none');
    addPowercap(machine, 'intel-rapl:0', { name: 'core', energy_uj: 7 });
    expect(failure(machine, 'powercap')).toMatchObject({
      code: 'ENOSOURCE',
      message: expect.stringMatching(/powercap has no package: it needs the module intel_rapl_msr/),
    });
  });

  it('counts the whole machine as such, and graphics as a part of their package', () => {
    const machine = copyMachine('intel-laptop');
    machine.remove('sys/bus/event_source/devices/power');
    addPowercap(machine, 'intel-rapl:0', { name: 'package-0', energy_uj: 1 });
    addPowercap(machine, 'intel-rapl:0:1', { name: 'uncore', energy_uj: 1 });
    addPowercap(machine, 'intel-rapl:1', { name: 'psys', energy_uj: 1 });
    expect(polled(machine, 'powercap').auxiliary).toMatchObject([
      { id: 'gpu:0', domain: 'gpu', parent: 'package:0' },
      { id: 'host:1', domain: 'host' },
    ]);
  });

  it('tells of domains that perf does not have, beside those that it has', () => {
    const machine = copyMachine('intel-laptop');
    addPowercap(machine, 'intel-rapl:0', { name: 'package-0', energy_uj: 1 });
    addPowercap(machine, 'intel-rapl:0:0', { name: 'dram', energy_uj: 1 });
    addPowercap(machine, 'intel-rapl:0:1', { name: 'uncore', energy_uj: 1 });
    const { auxiliary } = polled(machine, 'powercap');
    expect(auxiliary.map(({ id, location }) => [id, location.via])).toEqual([
      ['gpu:0', 'perf'],
      ['host:0', 'perf'],
      ['memory:0', 'powercap'],
    ]);
  });

  it('believes no more power than the limits of the package allow', () => {
    const machine = server();
    machine.write('sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw', '205000000\n');
    machine.write('sys/class/powercap/intel-rapl:0/constraint_1_power_limit_uw', '246000000\n');
    machine.write('sys/class/powercap/intel-rapl:1/constraint_0_power_limit_uw', '0\n');
    machine.write('sys/class/powercap/intel-rapl:1/constraint_1_power_limit_uw', '4095875000\n');
    expect(polled(machine, 'powercap').counters.map(({ maxWatts }) => maxWatts)).toEqual([984, 2000]);
  });

  it('has a counter per die where packages have two', () => {
    const machine = server();
    for (const i of [0, 1]) {
      machine.write(`sys/class/powercap/intel-rapl:${i}/name`, `package-${i}-die-0\n`);
      addPowercap(machine, `intel-rapl:${i + 2}`, { name: `package-${i}-die-1`, energy_uj: 1 });
    }
    splitIntoDies(machine);
    expect(polled(machine, 'powercap').zones).toEqual(DIES);
  });

  it('gives cores their package where PMU power is missing', () => {
    const machine = copyMachine('amd-server-power-core');
    machine.remove('sys/bus/event_source/devices/power');
    addPowercap(machine, 'intel-rapl:0', { name: 'package-0', energy_uj: 1 });
    expect(select(machine, 'power_core').source.auxiliary).toMatchObject([
      { id: 'package:0', location: { via: 'powercap' } },
    ]);
  });
});

const DIES = [
  { id: 'package:0:0', cpus: [0, 1, 2, 3], lead: 0 },
  { id: 'package:0:1', cpus: [4, 5, 6, 7], lead: 4 },
  { id: 'package:1:0', cpus: [8, 9, 10, 11], lead: 8 },
  { id: 'package:1:1', cpus: [12, 13, 14, 15], lead: 12 },
];

function splitIntoDies(machine: Machine): void {
  for (let cpu = 0; cpu < 16; cpu++) {
    machine.write(`sys/devices/system/cpu/cpu${cpu}/topology/die_id`, `${cpu % 8 < 4 ? 0 : 1}\n`);
  }
}

describe('power on packages of two dies', () => {
  const MASK = 'sys/bus/event_source/devices/power/cpumask';

  it('has a counter per die where the cpumask names one CPU of each', () => {
    const machine = copyMachine('intel-server-2s');
    splitIntoDies(machine);
    machine.write(MASK, '0,4,8,12\n');
    const source = polled(machine, 'power');
    expect(source.zones).toEqual(DIES);
    expect(source.counters.map(({ location }) => location.via === 'perf' && location.cpu)).toEqual([
      0, 4, 8, 12,
    ]);
    expect(source.auxiliary.map(({ id }) => id)).toEqual([
      'memory:0:0',
      'memory:0:1',
      'memory:1:0',
      'memory:1:1',
    ]);
  });

  it('finds the counter of a die under the same id when the other die goes', () => {
    const machine = copyMachine('intel-server-2s');
    splitIntoDies(machine);
    machine.write(MASK, '0,4,8,12\n');
    polled(machine, 'power');
    machine.write(MASK, '4,8,12\n');
    machine.write('sys/devices/system/cpu/online', '4-15\n');
    expect(polled(machine, 'power').zones).toEqual(DIES.slice(1));
  });

  it.each(['0,8', '0-15'])('has one per package where it names %s', (mask) => {
    const machine = copyMachine('intel-server-2s');
    splitIntoDies(machine);
    machine.write(MASK, `${mask}\n`);
    expect(polled(machine, 'power').zones.map(({ id }) => id)).toEqual(['package:0', 'package:1']);
  });
});
