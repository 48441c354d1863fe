// SPDX-License-Identifier: Apache-2.0
import { attribute } from '../../src/attribution/attribute.ts';
import { createAuxiliary } from '../../src/attribution/auxiliary.ts';
import { onlineCpus } from '../../src/host/cpus.ts';
import type { Reading } from '../../src/model/reading.ts';
import type { Counter, EnergySource } from '../../src/model/source.ts';
import { selectSource } from '../../src/sources/select.ts';
import { sum } from '../../src/util/sum.ts';
import { columnsOf } from '../support/columns.ts';
import { describedMachine } from '../support/described-machine.ts';
import type { Machine } from '../support/machine.ts';

const select = (machine: Machine, spec: string): EnergySource => selectSource({ spec, ...machine }).source;
const countersOf = (source: EnergySource): readonly Counter[] =>
  source.reader === 'user' ? source.counters : [];
const idsOf = (counters: readonly { readonly id: string }[]): string[] => counters.map(({ id }) => id);

/** Joules of each counter that user space reads. */
type Joules = (counter: Counter) => number;

/** An interval of a second in which a process runs on every CPU for 200 ms, and nothing for the rest. */
function interval(machine: Machine, source: EnergySource, joulesOf: Joules) {
  const cpus = onlineCpus(machine.sys);
  const columns = columnsOf({
    rows: cpus.flatMap((cpu) => [
      { cpu, pid: 100 + cpu, ms: 200, counts: 200 },
      { cpu, pid: 0, ms: 800, counts: 100 },
    ]),
    cpus: cpus.map((cpu) => ({ cpu, counts: 300 })),
  });
  const counters = [...countersOf(source), ...source.auxiliary];
  const readings = new Map(
    counters.map((one): [string, Reading] => [
      one.id,
      { kind: 'known', joules: joulesOf(one), broken: false },
    ]),
  );
  const charges = attribute(columns, source, [], readings);
  const { zones, domains } = createAuxiliary().charge(source, charges.zones, readings);
  const total = sum(zones.map(({ joules }) => joules));
  const others = sum(
    zones.flatMap((zone) => [zone.idleJoules, zone.gapJoules, zone.lostJoules, zone.sharedJoules]),
  );
  expect(charges.processJoules + others).toBeCloseTo(total, 9);
  return { zones, domains, total, processJoules: charges.processJoules };
}

const AMD = [
  ['epyc-12-dies', ['package:0']],
  ['epyc-four-dies', ['package:0', 'package:1']],
  ['threadripper-two-dies', ['package:0']],
] as const;

describe.each(AMD)('the packages of %s', (name, packages) => {
  const machine = describedMachine(name);

  it.each(['power', 'powercap', 'auto'])('have one counter each, by %s', (spec) => {
    const source = select(machine, spec);
    expect(idsOf(source.zones)).toEqual(packages);
    expect(idsOf(countersOf(source))).toEqual(packages);
    expect(interval(machine, source, () => 30).total).toBeCloseTo(30 * packages.length, 9);
  });

  it('have one counter each beside their cores’ registers', () => {
    for (const { lead } of select(machine, 'power').zones) machine.setCoreEnergy(lead, 16, 0x1_0000_0100n);
    const source = select(machine, 'msr');
    expect(idsOf(source.auxiliary)).toEqual(packages);
    const { total } = interval(machine, source, ({ id }) => (id.startsWith('package') ? 30 : 0.01));
    expect(total).toBeCloseTo(30 * packages.length, 9);
  });

  it('have one counter each where a user names it', () => {
    const source = select(machine, 'perf:power/energy-pkg/,scope=package');
    expect(idsOf(source.zones)).toEqual(packages);
  });

  it('keep it while all CPUs but those of one die are offline', () => {
    const one = describedMachine(name);
    one.write('sys/devices/system/cpu/online', '0-7\n');
    expect(idsOf(select(one, 'power').zones)).toEqual(['package:0']);
    expect(idsOf(select(one, 'powercap').zones)).toEqual(['package:0']);
  });
});

describe('a Hygon', () => {
  it('is like AMD in that', () => {
    const machine = describedMachine('threadripper-two-dies');
    machine.write('proc/cpuinfo', 'processor\t: 0\nvendor_id\t: HygonGenuine\ncpu family\t: 24\n');
    for (const spec of ['power', 'powercap'])
      expect(idsOf(select(machine, spec).zones)).toEqual(['package:0']);
  });
});

describe('a Cascade Lake-AP', () => {
  const machine = describedMachine('cascade-lake-ap');
  const dies = ['package:0:0', 'package:0:1', 'package:1:0', 'package:1:1'];

  it.each(['power', 'powercap'])('has a counter per die, by %s', (spec) => {
    const source = select(machine, spec);
    expect(idsOf(source.zones)).toEqual(dies);
    expect(idsOf(source.auxiliary)).toEqual(dies.map((id) => id.replace('package', 'memory')));
    expect(interval(machine, source, () => 30).total).toBeCloseTo(120, 9);
  });
});

describe('a hybrid laptop', () => {
  const machine = describedMachine('hybrid-laptop');
  const JOULES: Readonly<Record<string, number>> = {
    'package:0': 15,
    'cores:0': 4,
    'gpu:0': 8,
    'host:0': 22,
    'host:1': 22,
  };

  it.each([
    ['power', 'host:0'],
    ['powercap', 'host:0'],
  ])('charges processes from its cores’ counter, by %s', (spec, host) => {
    const source = select(machine, spec);
    expect(idsOf(source.zones)).toEqual(['cores:0']);
    expect(source).toMatchObject({ kind: 'apportioned', scope: 'package', idleWeight: 1 / 32 });
    const { zones, domains, total, processJoules } = interval(machine, source, ({ id }) => JOULES[id]!);
    expect(zones.map(({ id, parent, joules }) => [id, parent, joules])).toEqual([
      ['cores:0', 'package:0', 4],
      ['shared:0', 'package:0', 3],
    ]);
    expect(domains).toEqual([
      { id: 'gpu:0', type: 'gpu', kind: 'measured', parent: 'package:0', joules: 8 },
      { id: host, type: 'host', kind: 'measured', parent: null, joules: 22 },
    ]);
    // Cores, graphics and the shared rest are the package.
    expect(total + 8).toBeCloseTo(15, 9);
    expect(processJoules).toBeCloseTo((4 * 200) / (200 + 800 / 32), 9);
  });

  it('charges from the package where its graphics have no counter', () => {
    const other = describedMachine('hybrid-laptop');
    other.remove('sys/bus/event_source/devices/power/events/energy-gpu');
    other.remove('sys/class/powercap/intel-rapl:0:1');
    for (const spec of ['power', 'powercap']) expect(idsOf(select(other, spec).zones)).toEqual(['package:0']);
  });

  it('has core PMUs that count on some of its CPUs alone', () => {
    expect(() => select(machine, 'perf:cpu_core/cpu-cycles/,joules=1e-9')).toThrow(
      'PMU cpu_core has no counter for cpu:12, it is that of the CPUs 0,1,2,3,4,5,6,7,8,9,10,11: choose a PMU that counts on all',
    );
    machine.write('sys/devices/system/cpu/online', '0-11\n');
    expect(select(machine, 'perf:cpu_core/cpu-cycles/,joules=1e-9').zones).toHaveLength(12);
    machine.write('sys/devices/system/cpu/online', '0-19\n');
  });
});

describe('an Ampere', () => {
  const machine = describedMachine('ampere');

  it('is estimated, with its sensors and the whole machine beside', () => {
    const source = select(machine, 'auto');
    expect(source).toMatchObject({ name: 'estimated', scope: 'cpu' });
    expect(source.auxiliary.map(({ id, domain }) => [id, domain])).toEqual([
      ['soc:hwmon0:CPU power', 'soc'],
      ['soc:hwmon0:IO power', 'soc'],
      ['host:ACPI000D:00', 'host'],
    ]);
    const { zones, domains } = interval(machine, source, () => 5);
    expect(zones).toHaveLength(80);
    expect(domains.map(({ kind, joules }) => `${kind} ${joules}`)).toEqual(Array(3).fill('estimated 5'));
  });

  it('has a core PMU that counts on each CPU', () => {
    expect(select(machine, 'perf:armv8_pmuv3_0/cpu_cycles/,joules=1e-9').zones).toHaveLength(80);
  });
});

describe('a Raspberry Pi', () => {
  it('is not told to load a module that only other CPUs have', () => {
    const { rejected } = selectSource({ spec: 'auto', ...describedMachine('raspberry-pi-4') });
    expect(rejected.at(-1)).toMatchObject({ name: 'powercap', isHopeless: true });
    expect(rejected.at(-1)!.reason).not.toMatch(/module/);
  });

  it('is an unknown CPU, and counts nothing', () => {
    const machine = describedMachine('raspberry-pi-4');
    const source = select(machine, 'auto');
    expect(source).toMatchObject({ reader: 'none', watts: { reference: 'unknown CPU, mean of servers' } });
    expect(source.auxiliary).toEqual([]);
    interval(machine, source, () => 0);
  });
});

describe('a guest with a virtual RAPL', () => {
  it('is apportioned', () => {
    const machine = describedMachine('guest-virtual-rapl');
    const source = select(machine, 'auto');
    expect(source).toMatchObject({ name: 'powercap', kind: 'apportioned' });
    expect(interval(machine, source, () => 30).total).toBeCloseTo(30, 9);
  });
});
