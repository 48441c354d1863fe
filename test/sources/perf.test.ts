// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { parsePerfSpec, perfSource } from '../../src/sources/perf.ts';
import { copyMachine } from '../support/machine.ts';
import { encodeEvent, eventNames, type Pmu, pmuNames, readPmu } from '../../src/sources/pmu.ts';

const machine = (name: string): { sys: string; proc: string } => ({
  sys: join(__dirname, '../fixtures/sys', name),
  proc: join(__dirname, '../fixtures/proc', name),
});

/** As of an Intel core PMU, with the split fields of its offcore and LBR terms. */
const CORE: Pmu = {
  name: 'cpu',
  type: 4,
  cpumask: undefined,
  cpus: undefined,
  format: new Map([
    ['event', 'config:0-7'],
    ['umask', 'config:8-15'],
    ['edge', 'config:18'],
    ['split', 'config1:0-3,8'],
    ['latency', 'config2:0-15'],
    ['beyond', 'config3:0-7'],
  ]),
  events: new Map([
    ['cache-misses', 'event=0x2e,umask=0x41'],
    ['cache-misses.scale', '64'],
  ]),
};

describe('an event', () => {
  it.each([
    ['cache-misses', { config: 0x412en }],
    ['event=0x10', { config: 0x10n }],
    ['event=16,umask=0x01', { config: 0x110n }],
    ['event=0x10,edge', { config: 0x4_0010n }],
    ['cache-misses,edge=1', { config: 0x4_412en }],
    ['split=0x1f', { config1: 0x10fn }],
    ['latency=3', { config2: 3n }],
    ['config=0xffffffffffffffff', { config: 2n ** 64n - 1n }],
  ])('%s is encoded by the format files', (text, expected) => {
    expect(encodeEvent(CORE, text)).toEqual({ type: 4, config: 0n, config1: 0n, config2: 0n, ...expected });
  });

  it.each([
    ['misses', 'PMU cpu has no event "misses": it has cache-misses, event=, umask='],
    ['cache-misses.scale', 'PMU cpu has no event "cache-misses.scale"'],
    ['cache-misses=1', 'PMU cpu has no event "cache-misses=1"'],
    ['beyond=1', 'PMU cpu has no event "beyond=1"'],
    ['event=', '"event=" of PMU cpu is not TERM=NUMBER'],
    ['event=-1', '"event=-1" of PMU cpu is not TERM=NUMBER'],
    ['event=1=2', '"event=1=2" of PMU cpu is not TERM=NUMBER'],
    ['event=256', 'event=256 is too large: PMU cpu has config:0-7 for it'],
    ['event=1,', 'PMU cpu has no event ""'],
  ])('%j is refused', (text, message) => {
    expect(() => encodeEvent(CORE, text)).toThrow(message);
  });
});

describe('a PMU', () => {
  it('is read as the kernel describes it', () => {
    const pmu = readPmu(machine('intel-laptop').sys, 'power');
    expect(pmu).toMatchObject({ name: 'power', type: 20, cpumask: [0] });
    expect(eventNames(pmu!)).toEqual(['energy-cores', 'energy-gpu', 'energy-pkg', 'energy-psys']);
    expect(readPmu(machine('vm-none').sys, 'msr')?.cpumask).toBeUndefined();
  });

  it('is not there without a type', () => {
    expect(readPmu(machine('vm-none').sys, 'power')).toBeUndefined();
    expect(pmuNames(machine('vm-none').sys)).toEqual(['msr', 'software', 'tracepoint']);
  });
});

describe('a perf source', () => {
  it('counts every CPU by default', () => {
    expect(perfSource('perf:msr/tsc/,joules=1e-9,kind=measured', machine('vm-none'))).toEqual({
      name: 'perf:msr/tsc/',
      domain: 'cpu',
      scope: 'cpu',
      reader: 'bpf',
      kind: 'measured',
      idlePays: true,
      maxWatts: 0,
      event: { type: 9, config: 0n, config1: 0n, config2: 0n },
      joulesPerCount: 1e-9,
      auxiliary: [],
      zones: [
        { id: 'cpu:0', cpus: [0], lead: 0 },
        { id: 'cpu:1', cpus: [1], lead: 1 },
      ],
    });
  });

  it('counts cores where the PMU has a counter for each, in the Joules the kernel gives', () => {
    const source = perfSource('perf:power_core/energy-core/,scope=core', machine('amd-server-power-core'));
    expect(source).toMatchObject({
      scope: 'core',
      reader: 'bpf',
      kind: 'measured',
      joulesPerCount: 2 ** -32,
    });
    expect(source.zones.map(({ lead }) => lead)).toEqual([0, 1, 2, 4, 5, 6, 7, 11]);
  });

  it('apportions packages', () => {
    const source = perfSource('perf:power/energy-psys/,scope=package', machine('intel-laptop'));
    expect(source).toMatchObject({
      scope: 'package',
      reader: 'user',
      kind: 'apportioned',
      counters: [{ id: 'package:0', location: { event: { config: 5n } } }],
    });
    expect(source).not.toHaveProperty('idlePays');
  });

  it.each([
    ['perf:msr/tsc/,joules=1e-9', 'vm-none', 'estimated'],
    ['perf:software/config=0/,joules=1e-9', 'vm-none', 'estimated'],
    ['perf:msr/tsc/,joules=1e-9,scope=package', 'vm-none', 'estimated'],
    ['perf:msr/tsc/,joules=1e-9,scope=package,kind=apportioned', 'vm-none', 'apportioned'],
    ['perf:power/energy-pkg/,scope=package,kind=estimated', 'intel-laptop', 'estimated'],
    ['perf:power/event=3/,scope=package,joules=0.5', 'intel-laptop', 'apportioned'],
  ])('%s on %s is %s: a clock is no counter of energy unless the user says so', (spec, name, kind) => {
    expect(perfSource(spec, machine(name)).kind).toBe(kind);
  });

  it('of a core PMU of x86 is estimated whatever it counts; one of Arm may be energy', () => {
    const made = copyMachine('intel-laptop');
    for (const pmu of ['cpu', 'armv8_pmuv3_0']) {
      made.write(`sys/bus/event_source/devices/${pmu}/type`, '4\n');
      made.write(`sys/bus/event_source/devices/${pmu}/format/event`, 'config:0-15\n');
    }
    expect(perfSource('perf:cpu/event=0xc0/,joules=1e-9', made).kind).toBe('estimated');
    // Fujitsu's A64FX: EA_CORE.
    expect(perfSource('perf:armv8_pmuv3_0/event=0x1e0/,joules=8e-9', made).kind).toBe('measured');
  });

  it('takes events that the kernel does not name', () => {
    const source = perfSource('perf:software/config=0/,joules=1e-9', machine('vm-none'));
    expect(source).toMatchObject({ name: 'perf:software/config=0/', event: { type: 1, config: 0n } });
    const ram = perfSource('perf:power/event=3/,scope=package,joules=0.5', machine('intel-server-2s'));
    expect(ram).toMatchObject({
      counters: [{ joulesPerCount: 0.5, location: { event: { type: 21, config: 3n } } }, {}],
    });
  });

  it('prefers the Joules of the user to those of the kernel', () => {
    const source = perfSource('perf:power/energy-pkg/,joules=2,scope=package', machine('intel-laptop'));
    expect(source).toMatchObject({ counters: [{ joulesPerCount: 2 }] });
  });

  it.each([
    ['perf:msr/tsc/', 'vm-none', /how many Joules a count of msr\/tsc\/ is: add ,joules=X$/],
    ['perf:power/event=2/,scope=package', 'intel-laptop', /add ,joules=X$/],
    ['perf:foo/tsc/,joules=1', 'vm-none', /no PMU "foo", its PMUs are: msr, software, tracepoint$/],
    ['perf:foo/tsc/,joules=1', 'nowhere', /no PMU "foo", its PMUs are: none$/],
    ['perf:../tsc/,joules=1', 'vm-none', /no PMU "\.\."/],
    ['perf:msr/tsd/,joules=1', 'vm-none', /PMU msr has no event "tsd": it has tsc, event=, config=/],
    [
      'perf:power/energy-pkg/',
      'intel-server-2s',
      /PMU power has no counter for cpu:1, it counts on 0,8: set a wider/,
    ],
    ['perf:power/energy-pkg/,scope=core', 'intel-server-2s', /no counter for core:0:1/],
    ['perf:power_core/energy-core/', 'amd-server-power-core', /no counter for cpu:3/],
  ])('%s on %s is bad usage', (spec, name, message) => {
    const error = expect.objectContaining({
      code: 'EUSAGE',
      exitCode: 2,
      message: expect.stringMatching(message),
    });
    let thrown: unknown;
    try {
      perfSource(spec, machine(name));
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toEqual(error);
  });
});

describe('a perf spec', () => {
  it('takes its options in any order', () => {
    const parts = { pmu: 'msr', event: 'tsc', scope: 'core', joules: 1e-9 };
    expect(parsePerfSpec('perf:msr/tsc/,scope=core,joules=1e-9')).toEqual(parts);
    expect(parsePerfSpec('perf:msr/tsc/,joules=1e-9,scope=core')).toEqual(parts);
    expect(parsePerfSpec('perf:cpu/event=1,umask=2/')).toEqual({
      pmu: 'cpu',
      event: 'event=1,umask=2',
      scope: 'cpu',
      joules: undefined,
    });
  });

  it.each([
    'perf:',
    'perf:msr',
    'perf:msr/tsc',
    'perf:msr//',
    'perf:/tsc/',
    'perf:msr/tsc/x',
    'perf:msr/tsc/,',
  ])('%j is told how to write one', (spec) => {
    expect(() => parsePerfSpec(spec)).toThrow(
      `${JSON.stringify(spec)} is not a source: write perf:PMU/EVENT/[,scope=cpu|core|package][,joules=JOULES_PER_COUNT][,kind=KIND]`,
    );
  });

  it.each([
    ['scope=die', 'scope=die is not a scope: write cpu, core or package'],
    ['scope=', 'scope= is not a scope'],
    ['joules=0', 'joules=0 is not a number from 1e-18 to 10000: write Joules per count, such as joules=1e-9'],
    ['joules=1e12', 'joules=1e12 is not a number from 1e-18 to 10000'],
    ['joules=1e-19', 'joules=1e-19 is not'],
    ['joules=10001', 'joules=10001 is not'],
    ['joules=-1', 'joules=-1 is not'],
    ['joules=', 'joules= is not'],
    ['joules=Infinity', 'joules=Infinity is not'],
    ['joules=1J', 'joules=1J is not'],
    ['joules=1=2', 'joules=1=2 is not'],
    ['kind=clock', 'kind=clock is not a kind: write measured, apportioned or estimated'],
    ['kind=apportioned', 'kind=apportioned does not go with scope=cpu'],
    ['scope=package,kind=measured', 'kind=measured does not go with scope=package: a package'],
    ['kind=estimated,kind=measured', '"kind=measured" does not belong'],
    ['watts=1', '"watts=1" does not belong'],
    ['joules', '"joules" does not belong'],
    ['joules=1,joules=2', '"joules=2" does not belong'],
    ['scope=cpu,,joules=1', '"" does not belong'],
  ])('%s is refused', (options, message) => {
    expect(() => parsePerfSpec(`perf:msr/tsc/,${options}`)).toThrow(message);
  });
});
