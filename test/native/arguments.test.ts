// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { PerfEvent, Zone } from '../../src/model/source.ts';
import { EnergyError } from '../../src/model/errors.ts';
import {
  createProbe,
  type LearnedPackage,
  openPerfEvent,
  type ProbeOptions,
  startCommand,
} from '../../src/probe/addon.ts';
import { holdings } from '../support/held.ts';
import { describeOnKernel } from '../support/kernel.ts';
import { OPTIONS, PACKAGE, tscEvent, ZONE } from '../support/probe.ts';

const ADDON = join(__dirname, '../../build/Release/energy.node');
const EVENT: PerfEvent = { type: 1, config: 0n, config1: 0n, config2: 0n };

/** Values of JavaScript as a program without types may give them. */
type Loose<T> = { readonly [Key in keyof T]?: unknown };

/** The error of a call, as what a user can see of it. */
async function refusal(call: () => unknown): Promise<Partial<EnergyError>> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(EnergyError);
    const { code, exitCode, message } = error as EnergyError;
    return { code, exitCode, message };
  }
  return { message: 'it worked' };
}

const open = (options: Loose<ProbeOptions>): Promise<Partial<EnergyError>> =>
  refusal(async () => {
    const probe = createProbe();
    try {
      await probe.open({ ...OPTIONS, ...options } as ProbeOptions);
    } finally {
      await probe.close();
    }
  });

const NO_NUMBERS = [undefined, null, 'x', '1', 1n, {}, [], true];

describe('the native part refuses', () => {
  it.each<[string, Loose<ProbeOptions>, string]>([
    ['more Joules per count than BPF can charge', { joulesPerCount: 1e12 }, 'ERANGE'],
    ['a little more', { joulesPerCount: 256.1 }, 'ERANGE'],
    ['a little less than BPF can tell powers in', { joulesPerCount: 5.8e-11 }, 'ERANGE'],
    ['less', { joulesPerCount: 1e-300 }, 'ERANGE'],
    ['none', { joulesPerCount: 0 }, 'ERANGE'],
    ['negative ones', { joulesPerCount: -1e-9 }, 'ERANGE'],
    ['infinitely many', { joulesPerCount: Infinity }, 'ERANGE'],
    ['no number of Joules', { joulesPerCount: NaN }, 'ERANGE'],
    ...NO_NUMBERS.map(
      (value) => [`Joules that are ${typeof value}`, { joulesPerCount: value }, 'EINVAL'] as const,
    ),
  ] as [string, Loose<ProbeOptions>, string][])('%s, and says the range', async (_, options, code) => {
    expect(await open(options)).toEqual({
      code: 'EUSAGE',
      exitCode: 2,
      message: `cannot count in so many Joules (${code}): give joules= as a number of Joules per count, from 5.9e-11 to 256`,
    });
  });

  it.each<[string, Loose<ProbeOptions>, string]>([
    ['no room for tasks', { spillEntries: 0 }, 'ERANGE'],
    ['more tasks than memory holds', { spillEntries: 2 ** 40 }, 'ERANGE'],
    ['one task too many', { spillEntries: 4_000_001 }, 'ERANGE'],
    ['half a task', { spillEntries: 8.5 }, 'ERANGE'],
    ['less than none', { spillEntries: -1 }, 'ERANGE'],
    ['no number of tasks', { spillEntries: NaN }, 'ERANGE'],
    ...NO_NUMBERS.map(
      (value) => [`tasks that are ${typeof value}`, { spillEntries: value }, 'EINVAL'] as const,
    ),
  ] as [string, Loose<ProbeOptions>, string][])('%s, and says the range', async (_, options, code) => {
    expect(await open(options)).toEqual({
      code: 'EUSAGE',
      exitCode: 2,
      message: `cannot keep room for so many processes (${code}): give max_tasks as a whole number from 1 to 4,000,000`,
    });
  });

  it.each<[string, Loose<ProbeOptions>]>([
    ['a bound of power below 0', { maxWatts: -1 }],
    ['a bound that is none', { maxWatts: NaN }],
    ['a bound that no counter has', { maxWatts: 1e300 }],
    ['a hierarchy below 0', { hierarchy: -1 }],
    ['a hierarchy beyond those of the kernel', { hierarchy: 2 ** 31 }],
    ['a hierarchy that is text', { hierarchy: '1' }],
  ])('%s', async (_, options) => {
    expect(await open(options)).toMatchObject({ code: 'EUSAGE', exitCode: 2 });
  });

  it.each(['btf', 'controller', 'switched', 'shared', 'idlePays', 'followForks', 'learns'])(
    'another type of %s',
    async (name) => {
      for (const value of [undefined, null, 1, {}])
        expect(await open({ [name]: value })).toMatchObject({
          message: 'cannot open (EINVAL): one of its options is not what ProbeOptions says',
        });
    },
  );

  it('text that the kernel would cut off', async () => {
    expect(await open({ btf: `${OPTIONS.btf}\0` })).toMatchObject({
      message: expect.stringMatching(/^cannot open/),
    });
    expect(() => startCommand(['true\0'])).toThrow(/^cannot run true.* \(EINVAL\)/);
  });

  it.each<[string, number, Loose<Zone>, Loose<PerfEvent>]>([
    ['a zone below 0', -1, {}, {}],
    ['a zone that is broken', 0.5, {}, {}],
    ['a zone that would be another one', 2 ** 32, {}, {}],
    ['a zone that is none', NaN, {}, {}],
    ['a CPU below 0', 0, { cpus: [-1] }, {}],
    ['a CPU that would be another one', 0, { cpus: [2 ** 32] }, {}],
    ['a CPU that is text', 0, { cpus: ['0'] }, {}],
    ['a lead below 0', 0, { lead: -1 }, {}],
    ['a lead that would be another one', 0, { lead: 2 ** 40 }, {}],
    ['no lead', 0, { lead: undefined }, {}],
    ['a type below 0', 0, {}, { type: -1 }],
    ['a type that is no number', 0, {}, { type: '1' }],
    ['a config that is no bigint', 0, {}, { config: 0 }],
    ['a config of more than 64 bits', 0, {}, { config1: 2n ** 64n }],
    ['a config below 0', 0, {}, { config2: -1n }],
  ])('%s', async (_, index, zone, event) => {
    const bind = (): Promise<void> =>
      createProbe().bind(index, { ...ZONE, ...zone } as Zone, { ...EVENT, ...event } as PerfEvent);
    expect(await refusal(bind)).toMatchObject({
      message: expect.stringMatching(/^cannot bind a counter \(E(RANGE|INVAL)\)/),
    });
    if ('cpus' in zone || index !== 0) return;
    const lead = 'lead' in zone ? zone.lead : 0;
    expect(
      await refusal(() => openPerfEvent({ ...EVENT, ...event } as PerfEvent, lead as number)),
    ).toMatchObject({
      message: expect.stringMatching(/^cannot open the perf event \(E(RANGE|INVAL)\)/),
    });
  });

  it.each<[string, Loose<LearnedPackage>]>([
    ['a zone below 0', { zone: -1 }],
    ['a CPU that is text', { cpus: ['0'] }],
    ['no cores', { cores: undefined }],
    ['a lead that would be another one', { lead: 2 ** 40 }],
    ['Joules that are text', { joulesPerCount: '1' }],
    ['a range that is no bigint', { range: 0 }],
    ['no location', { location: undefined }],
    ['a location elsewhere', { location: { via: 'usb', path: 'x' } }],
    ['a path that the kernel would cut off', { location: { via: 'powercap', path: 'x\0' } }],
    ['a register that is text', { location: { via: 'msr', path: 'x', address: '1' } }],
    ['an event of no type', { location: { via: 'perf', cpu: 0, event: { config: 0n } } }],
  ])('%s to learn from', async (_, wrong) => {
    const learn = (): Promise<void> => createProbe().learn([{ ...PACKAGE, ...wrong } as LearnedPackage]);
    expect(await refusal(learn)).toMatchObject({
      message: expect.stringMatching(/^cannot learn from a counter \(E(RANGE|INVAL)\)/),
    });
  });

  it('what it cannot call back, or run', async () => {
    expect(await refusal(() => createProbe().onAlarm('x' as never))).toMatchObject({
      message: expect.stringMatching(/^cannot wait for news of the counters \(EINVAL\)/),
    });
    for (const words of [[], [1], [{}]])
      expect(await refusal(() => startCommand(words as never))).toMatchObject({ code: 'EINVAL' });
  });

  it('all of that without throwing, and without arguments', async () => {
    const { Probe, ...rest } = createRequire(__filename)(ADDON) as {
      Probe: new () => Record<string, (...args: unknown[]) => unknown>;
      openPerfEvent: () => unknown;
      startCommand: () => unknown;
    };
    const probe = new Probe();
    for (const call of [
      'open',
      'bind',
      'calibrate',
      'start',
      'drain',
      'learn',
      'askLearning',
      'lookAfter',
      'onAlarm',
    ])
      expect(await probe[call]!()).toMatchObject({ status: expect.any(Number), step: expect.any(String) });
    expect(rest.openPerfEvent()).toMatchObject({ status: -22 });
    expect(rest.startCommand()).toBe(-22);
  });
});

describeOnKernel('the native part takes', () => {
  it('nothing to learn from where CPUs, cores or numbers cannot be, or logs are not wanted', async () => {
    const probe = createProbe();
    await probe.open({ ...OPTIONS, learns: true });
    const wrong: Loose<LearnedPackage>[] = [
      { cpus: [1e6], cores: [0] },
      { cpus: [], cores: [] },
      { cpus: [0], cores: [0, 1] },
      { cpus: [0], cores: [1] },
      { joulesPerCount: 0 },
      { maxWatts: NaN },
    ];
    for (const one of wrong)
      expect(await refusal(() => probe.learn([{ ...PACKAGE, ...one } as LearnedPackage]))).toMatchObject({
        message: expect.stringMatching(/^cannot learn from a counter \(EINVAL\)/),
      });
    await probe.close();
    await probe.open(OPTIONS);
    expect(await refusal(() => probe.learn([PACKAGE]))).toMatchObject({ code: 'EINVAL' });
    await probe.close();
  });

  it.each([5.9e-11, 2 ** -32, 1e-9, 1e-3, 1, 256])('%p Joules per count', async (joulesPerCount) => {
    expect(await open({ joulesPerCount })).toEqual({ message: 'it worked' });
  });

  it('nothing of a zone whose CPUs are named twice, or are not there', async () => {
    const probe = createProbe();
    await probe.open(OPTIONS);
    const before = holdings();
    for (const cpus of [[0, 0], [1e6]])
      expect(await refusal(() => probe.bind(0, { ...ZONE, cpus }, tscEvent()))).toMatchObject({
        message: expect.stringMatching(/^cannot bind a counter \(EINVAL\)/),
      });
    expect(await refusal(() => probe.bind(1e6, ZONE, tscEvent()))).toMatchObject({
      message: expect.stringMatching(/^cannot bind a counter \(EINVAL\)/),
    });
    expect(holdings()).toEqual(before);
    await probe.close();
  });
});
