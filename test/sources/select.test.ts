// SPDX-License-Identifier: Apache-2.0
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onlineCpus } from '../../src/host/cpus.ts';
import { type SourceRequest, selectSource } from '../../src/sources/select.ts';
import type { Selection, Zone } from '../../src/model/source.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIXTURES = join(__dirname, '../fixtures');
const MACHINES = [
  'amd-server-power-core',
  'amd-early-names',
  'amd-hidden-event',
  'intel-server-2s',
  'intel-laptop',
  'vm-none',
] as const;
type Machine = (typeof MACHINES)[number];

const sysOf = (machine: Machine): string => join(FIXTURES, 'sys', machine);
const select = (machine: Machine, spec: string, more: Partial<SourceRequest> = {}): Selection =>
  selectSource({
    spec,
    sys: sysOf(machine),
    proc: join(FIXTURES, 'proc', machine),
    dev: join(FIXTURES, 'none'),
    ...more,
  });
const leads = (zones: readonly Zone[]): number[] => zones.map(({ lead }) => lead);

/** A copy of a machine's sysfs with some of its files replaced. */
function altered(machine: Machine, files: Record<string, string>): string {
  const sys = temporaryDirectory();
  cpSync(sysOf(machine), sys, { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(sys, path), text);
  return sys;
}

describe('auto', () => {
  it.each([
    ['amd-server-power-core', 'power_core', []],
    ['amd-early-names', 'power_per_core', ['power_core']],
    ['amd-hidden-event', 'power', ['power_core', 'power_per_core', 'msr']],
    ['intel-server-2s', 'power', ['power_core', 'power_per_core', 'msr']],
    ['intel-laptop', 'power', ['power_core', 'power_per_core', 'msr']],
    ['vm-none', 'estimated', ['power_core', 'power_per_core', 'msr', 'power', 'powercap']],
  ] as const)('takes the best source of %s: %s', (machine, name, passedOver) => {
    const { source, rejected } = select(machine, 'auto');
    expect(source.name).toBe(name);
    expect(rejected.map((other) => other.name)).toEqual(passedOver);
  });

  it('says why each better source was not taken', () => {
    expect(select('vm-none', 'auto').rejected.map(({ reason }) => reason)).toEqual([
      'this kernel has no PMU power_core: it needs an AMD Zen or Hygon CPU, Linux 6.14 or later and the rapl module (modprobe rapl)',
      'this kernel has no PMU power_per_core: it needs a kernel with an early version of the power_core patches',
      expect.stringMatching(/none\/cpu\/0\/msr is not there: load the module msr \(modprobe msr\)$/),
      'this kernel has no PMU power: it needs a CPU with RAPL counters and the rapl module (modprobe rapl)',
      expect.stringMatching(/class\/powercap has no package: it needs the module intel_rapl_msr$/),
    ]);
  });

  it('tells a hidden event from a missing PMU', () => {
    expect(select('amd-hidden-event', 'auto').rejected[0]?.reason).toBe(
      'PMU power_core has no event energy-core: the kernel found no working counter',
    );
  });

  it.each([
    ['unit', 'Counts', 'the unit "Counts"'],
    ['scale', 'much', 'the scale "much"'],
    ['scale', '0', 'the scale "0"'],
  ])('passes over a counter with the %s %s', (file, text, reason) => {
    const path = `bus/event_source/devices/power_core/events/energy-core.${file}`;
    const { source, rejected } = select('amd-server-power-core', 'auto', {
      sys: altered('amd-server-power-core', { [path]: `${text}\n` }),
    });
    expect(source.name).toBe('power');
    expect(rejected[0]?.reason).toContain(reason);
  });
});

describe('power_core', () => {
  it('has one counter per core, led by the CPU of its cpumask', () => {
    const { source } = select('amd-server-power-core', 'power_core');
    expect(source).toMatchObject({
      name: 'power_core',
      reader: 'bpf',
      kind: 'measured',
      scope: 'core',
      domain: 'cpu',
      idlePays: false,
      maxWatts: 250,
      event: { type: 12, config: 1n, config1: 0n, config2: 0n },
      joulesPerCount: 2 ** -32,
    });
    // CPU 3 was offline for a while: the kernel moved the counter of its core to CPU 11.
    expect(leads(source.zones)).toEqual([0, 1, 2, 4, 5, 6, 7, 11]);
    expect(source.zones.at(-1)).toEqual({ id: 'core:0:3', cpus: [3, 11], lead: 11 });
  });

  it('is led by the first CPU of each core where the kernel gives no cpumask', () => {
    const sys = altered('amd-server-power-core', {});
    rmSync(join(sys, 'bus/event_source/devices/power_core/cpumask'));
    const { source } = select('amd-server-power-core', 'power_core', { sys });
    expect(leads(source.zones)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('leaves out a core that is offline', () => {
    const sys = altered('amd-server-power-core', { 'devices/system/cpu/online': '0-6,8-14\n' });
    const { source } = select('amd-server-power-core', 'power_core', { sys });
    expect(source.zones).toHaveLength(7);
    expect(source.zones.map(({ id }) => id)).not.toContain('core:1:3');
  });

  it('gives cores of two dies with one number names of their own', () => {
    const sys = altered('amd-server-power-core', {
      'devices/system/cpu/cpu1/topology/core_id': '0\n',
      'devices/system/cpu/cpu9/topology/core_id': '0\n',
    });
    const ids = select('amd-server-power-core', 'power_core', { sys }).source.zones.map(({ id }) => id);
    expect(new Set(ids).size).toBe(8);
  });

  it('goes by its early name too', () => {
    const { source } = select('amd-early-names', 'power_core');
    expect(source).toMatchObject({ name: 'power_per_core', scope: 'core', event: { type: 10, config: 1n } });
    expect(select('amd-early-names', 'power_per_core').source).toEqual(source);
  });
});

describe('power', () => {
  const PKG = { type: 21, config: 2n, config1: 0n, config2: 0n };
  const perPackage = [
    { id: 'package:0', cpus: [0, 1, 2, 3, 4, 5, 6, 7], lead: 0 },
    { id: 'package:1', cpus: [8, 9, 10, 11, 12, 13, 14, 15], lead: 8 },
  ];

  it('has one counter per package, apportioned in user space', () => {
    const { source } = select('intel-server-2s', 'power');
    expect(source).toMatchObject({
      reader: 'user',
      kind: 'apportioned',
      scope: 'package',
      idleWeight: 1,
    });
    expect(source.zones).toEqual(perPackage);
    expect(source.reader === 'user' && source.counters).toMatchObject([
      { id: 'package:0', joulesPerCount: 2 ** -32, location: { via: 'perf', event: PKG, cpu: 0 } },
      { id: 'package:1', joulesPerCount: 2 ** -32, location: { via: 'perf', event: PKG, cpu: 8 } },
    ]);
  });

  it('is to be split by what is learned, unless that is not wanted', () => {
    expect(select('intel-server-2s', 'power').source).toMatchObject({ attribution: 'learned' });
    expect(select('intel-server-2s', 'auto', { attribution: 'time' }).source).toMatchObject({
      name: 'power',
      attribution: 'time',
    });
    expect(select('amd-server-power-core', 'auto').source).not.toHaveProperty('attribution');
  });

  it('counts a package once where the cpumask lists all of its CPUs, as 7.0 does for TPMI', () => {
    const sys = altered('intel-server-2s', { 'bus/event_source/devices/power/cpumask': '0-15\n' });
    expect(select('intel-server-2s', 'power', { sys }).source.zones).toEqual(perPackage);
  });

  it('is led by another CPU of the package when the first is offline', () => {
    const sys = altered('intel-server-2s', {
      'devices/system/cpu/online': '1-15\n',
      'bus/event_source/devices/power/cpumask': '1,8\n',
    });
    const { zones } = select('intel-server-2s', 'power', { sys }).source;
    expect(zones[0]).toEqual({ id: 'package:0', cpus: [1, 2, 3, 4, 5, 6, 7], lead: 1 });
  });

  it('takes the cores of a laptop, whose package has graphics, too, and not the whole platform', () => {
    expect(select('intel-laptop', 'power').source).toMatchObject({
      counters: [{ id: 'cores:0', parent: 'package:0', location: { event: { type: 20, config: 1n } } }],
    });
  });
});

describe('what is read beside a source', () => {
  const auxiliaryOf = (machine: Machine, spec: string): unknown[] =>
    select(machine, spec).source.auxiliary.map(({ id, domain, parent }) => [id, domain, parent]);

  it('is the package that cores sit in', () => {
    expect(auxiliaryOf('amd-server-power-core', 'power_core')).toEqual([
      ['package:0', 'cpu', undefined],
      ['package:1', 'cpu', undefined],
    ]);
    expect(auxiliaryOf('amd-server-power-core', 'power')).toEqual([]);
  });

  it('is memory, graphics (a part of their package) and the whole machine', () => {
    expect(auxiliaryOf('intel-server-2s', 'power')).toEqual([
      ['memory:0', 'memory', undefined],
      ['memory:1', 'memory', undefined],
    ]);
    expect(auxiliaryOf('intel-laptop', 'auto')).toEqual([
      ['package:0', 'cpu', undefined],
      ['gpu:0', 'gpu', 'package:0'],
      ['host:0', 'host', undefined],
    ]);
  });

  it('is nothing where a user chose the counter, or wants an estimate', () => {
    expect(auxiliaryOf('intel-laptop', 'perf:power/energy-pkg/,scope=package')).toEqual([]);
    expect(auxiliaryOf('intel-laptop', 'estimated')).toEqual([]);
  });
});

describe('every source', () => {
  const specs = ['auto', 'estimated', 'power', 'perf:power/energy-pkg/,scope=package'];
  const cases = MACHINES.flatMap((machine) =>
    specs
      .filter((spec) => machine !== 'vm-none' || !spec.includes('power'))
      .map((spec) => [spec, machine] as const),
  );
  it.each(cases)('%s has each online CPU of %s in one zone', (spec, machine) => {
    const { zones } = select(machine, spec).source;
    const cpus = zones.flatMap((zone) => zone.cpus).toSorted((a, b) => a - b);
    expect(cpus).toEqual(onlineCpus(sysOf(machine)));
    expect(new Set(zones.map(({ id }) => id)).size).toBe(zones.length);
    expect(zones.every((zone) => zone.cpus.includes(zone.lead))).toBe(true);
    expect(leads(zones)).toEqual(leads(zones).toSorted((a, b) => a - b));
  });
});

describe('a source that cannot be had', () => {
  const failure = (machine: Machine, spec: string, more: Partial<SourceRequest> = {}): unknown => {
    try {
      return select(machine, spec, more);
    } catch (error) {
      return error;
    }
  };

  it.each([
    [
      'power_core',
      'intel-server-2s',
      /no PMU power_core: it needs .*Linux 6\.14.*modprobe rapl.*--source estimated$/,
    ],
    ['power_core', 'amd-hidden-event', /no event energy-core: .*; .*virtual machine.*--source estimated$/],
    ['power_per_core', 'amd-server-power-core', /no PMU power_per_core: it needs .*early version/],
    ['power', 'vm-none', /no PMU power: it needs .*modprobe rapl.*virtual machine.*--source estimated$/],
  ] as const)('%s on %s is told with reason and advice, exit status 3', (spec, machine, message) => {
    const error = failure(machine, spec);
    expect(error).toMatchObject({ code: 'ENOSOURCE', exitCode: 3, message: expect.stringMatching(message) });
  });

  it.each(['', 'rapl', 'sun', 'constructor', 'power,joules=1'])(
    '%j is bad usage, told with the names',
    (spec) => {
      const message = expect.stringMatching(
        /use auto, power_core, power_per_core, msr, power, powercap, estimated or perf:PMU/,
      );
      expect(failure('vm-none', spec)).toMatchObject({ code: 'EUSAGE', exitCode: 2, message });
    },
  );

  it('a slip of the finger is answered by what was meant', () => {
    expect(failure('vm-none', 'Powr_core')).toHaveProperty(
      'message',
      'unknown source "Powr_core": did you mean power_core?',
    );
  });

  it.each(['power_core', 'power', 'perf:msr/tsc/,joules=1'])('%s does not go with watts', (spec) => {
    const error = failure('vm-none', spec, { wattsIdle: 1, wattsBusy: 2 });
    expect(error).toMatchObject({ code: 'EUSAGE', message: expect.stringContaining(spec) });
  });
});
