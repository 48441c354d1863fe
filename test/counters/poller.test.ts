// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { advance } from '../../src/counters/advance.ts';
import { openPoller, type Poller } from '../../src/counters/poller.ts';
import { selectSource } from '../../src/sources/select.ts';
import type { Reading } from '../../src/model/reading.ts';
import type { Counter } from '../../src/model/source.ts';
import { withFewDescriptors } from '../support/few-descriptors.ts';
import { openDescriptors } from '../support/held.ts';
import { waitFor } from '../support/kernel.ts';
import { addPowercap, copyMachine, type Machine } from '../support/machine.ts';

describe('an advance', () => {
  const counter: Counter = {
    id: 'package:0',
    domain: 'cpu',
    cpus: [0],
    joulesPerCount: 2 ** -16,
    range: 2n ** 32n,
    maxWatts: 400,
    location: { via: 'msr', path: '', address: 0 },
  };
  const between = (last: bigint, now: bigint, ms = 1000): unknown =>
    advance(counter, { count: last, ms: 0 }, { count: now, ms });

  it('is the difference of two counts in Joules', () => {
    expect(between(65_536n, 3n * 65_536n)).toEqual({ joules: 2, wrapped: false });
    expect(between(5n, 5n)).toEqual({ joules: 0, wrapped: false });
  });

  it('goes on over the end of the range', () => {
    expect(between(2n ** 32n - 65_536n, 65_536n)).toEqual({ joules: 2, wrapped: true });
  });

  it('keeps small differences of large counts', () => {
    const perf = { ...counter, joulesPerCount: 2 ** -32, range: 0n };
    const last = { count: 2n ** 62n, ms: 0 };
    expect(advance(perf, last, { count: 2n ** 62n + 3n, ms: 1 }).joules).toBe(3 * 2 ** -32);
  });

  it.each([
    ['a reset', 2n ** 31n, 100n, 1000],
    ['more than its power allows', 0n, 441n * 65_536n, 1000],
    ['a time in which it may have wrapped twice', 0n, 65_536n, 170_000],
  ])('is unknown after %s', (_, last, now, ms) => {
    expect(between(last, now, ms)).toEqual({ joules: undefined, wrapped: false });
  });

  it('is unknown where a counter that does not wrap goes back', () => {
    const perf = { ...counter, range: 0n };
    expect(advance(perf, { count: 9n, ms: 0 }, { count: 8n, ms: 1000 }).joules).toBeUndefined();
  });
});

describe('the poller', () => {
  const ENERGY = 'sys/class/powercap/intel-rapl:0/energy_uj';
  let poller: Poller | undefined;
  let lines: string[];
  beforeEach(() => {
    lines = [];
  });
  afterEach(() => poller?.close());

  const joulesOf = (reading: Reading | undefined): number | undefined =>
    reading && reading.kind !== 'unknown' ? reading.joules : undefined;

  function powercap(): { machine: Machine; counters: readonly Counter[] } {
    const machine = copyMachine('vm-none');
    addPowercap(machine, 'intel-rapl:0', { name: 'package-0', energy_uj: 1_000_000 });
    addPowercap(machine, 'intel-rapl:0:0', { name: 'dram', energy_uj: 500 });
    const { source } = selectSource({ spec: 'powercap', ...machine });
    if (source.reader !== 'user') throw new Error('powercap is read by user space');
    return { machine, counters: [...source.counters, ...source.auxiliary] };
  }
  const open = async (counters: readonly Counter[], periodMs = 3_600_000): Promise<void> => {
    poller = await openPoller({ counters, needed: counters, log: (line) => lines.push(line), periodMs });
  };
  const readings = async (counters: readonly Counter[]): Promise<Record<string, Reading>> =>
    Object.fromEntries((await poller!.take(counters)).readings);

  it('tells what each counter counted since it was taken last', async () => {
    const { machine, counters } = powercap();
    await open(counters);
    machine.write(ENERGY, '3500000\n');
    machine.write('sys/class/powercap/intel-rapl:0:0/energy_uj', '750\n');
    expect(await readings(counters)).toEqual({
      'package:0': { kind: 'known', joules: 2.5, broken: false },
      'memory:0': { kind: 'known', joules: 0.00025, broken: false },
    });
    machine.write(ENERGY, '4000000\n');
    expect(joulesOf((await readings(counters))['package:0'])).toBeCloseTo(0.5, 12);
    expect(lines).toEqual([]);
  });

  it('counts over the end of the range, however often it is taken', async () => {
    const { machine, counters } = powercap();
    machine.write(ENERGY, '262143000000\n');
    await open(counters);
    machine.write(ENERGY, '171150\n');
    const { readings: taken, ...events } = await poller!.take(counters);
    expect(joulesOf(taken.get('package:0'))).toBeCloseTo(0.500001, 9);
    expect(events).toEqual({ rebinds: 0, gaps: 0, resets: 0, wraps: 1 });
    expect(lines).toEqual(['event=wrap counter=package:0']);
    expect((await poller!.take(counters)).wraps).toBe(0);
  });

  it('reads by itself between two takings, so that no wrap is missed', async () => {
    const { machine, counters } = powercap();
    machine.write(ENERGY, '262143000000\n');
    await open(counters, 5);
    const told = (line: string): Promise<string> =>
      waitFor(line, () => lines.splice(0).find((one) => one.includes(line)));
    // A file that is emptied before it is written could be read in between.
    const overwrite = (text: string): void =>
      writeFileSync(join(machine.sys, '..', ENERGY), text.padEnd(16, '\n'), { flag: 'r+' });
    // Twice over the end of the range. A failure before each tells when the next count was read.
    for (let i = 0; i < 2; i++) {
      overwrite('');
      await told('event=gap');
      overwrite('171150');
      await told('event=rebind');
      overwrite('262143000000');
      await told('event=reset');
    }
    const { readings: taken, ...events } = await poller!.take(counters);
    expect(events).toEqual({ rebinds: 2, gaps: 2, resets: 2, wraps: 2 });
    expect(taken.get('package:0')).toMatchObject({ kind: 'known', broken: true });
    expect(joulesOf(taken.get('package:0'))).toBeCloseTo(2 * 0.500001, 9);
  });

  it('knows nothing of a counter that has never moved', async () => {
    const { machine, counters } = powercap();
    await open(counters);
    expect((await readings(counters))['memory:0']).toEqual({ kind: 'unknown', broken: false });
    machine.write('sys/class/powercap/intel-rapl:0:0/energy_uj', '501\n');
    expect(joulesOf((await readings(counters))['memory:0'])).toBeCloseTo(1e-6, 12);
    expect((await readings(counters))['memory:0']).toEqual({ kind: 'known', joules: 0, broken: false });
  });

  it('charges nobody for a jump, and says so', async () => {
    const { machine, counters } = powercap();
    machine.write(ENERGY, '200000000000\n');
    await open(counters);
    machine.write(ENERGY, '1000000\n');
    const { readings: taken, resets } = await poller!.take(counters);
    expect(taken.get('package:0')).toEqual({ kind: 'unknown', broken: true });
    expect(resets).toBe(1);
    expect(lines).toEqual(['event=reset counter=package:0']);
    machine.write(ENERGY, '3000000\n');
    expect((await readings(counters))['package:0']).toEqual({ kind: 'known', joules: 2, broken: false });
  });

  it('tells of a failure once, and says that what it counted meanwhile is of a longer time', async () => {
    const { machine, counters } = powercap();
    await open(counters);
    machine.write(ENERGY, '2000000\n');
    await readings(counters);
    machine.write(ENERGY, '\n');
    const unknown = { kind: 'unknown', broken: false };
    for (let i = 0; i < 2; i++) expect((await readings(counters))['package:0']).toEqual(unknown);
    machine.write(ENERGY, '5000000\n');
    expect((await readings(counters))['package:0']).toEqual({ kind: 'gap', joules: 3, broken: false });
    expect(lines).toEqual([
      'event=gap counter=package:0 why="\\"\\" is not a count"',
      'event=rebind counter=package:0',
    ]);
  });

  it('reads registers of the model-specific kind, of which 32 bits count', async () => {
    const machine = copyMachine('amd-hidden-event');
    machine.remove('sys/bus/event_source/devices/power');
    for (let cpu = 0; cpu < 4; cpu++) machine.setCoreEnergy(cpu, 16, 0xffff_ff00n);
    const { source } = selectSource({ spec: 'msr', ...machine });
    if (source.reader !== 'user') throw new Error('registers are read by user space');
    const { counters } = source;
    await open(counters);
    machine.setCoreEnergy(counters[0]!.cpus[0]!, 16, 0x1_0001_0000n);
    const taken = await readings(counters);
    expect(joulesOf(taken[counters[0]!.id])).toBe((0x10010 + 0xf0) / 65_536);
    expect(joulesOf(taken[counters[1]!.id])).toBeUndefined();
  });

  it('follows counters that come and go, and reads those that go a last time', async () => {
    const { machine, counters } = powercap();
    const [pkg, memory] = counters as [Counter, Counter];
    await open([pkg]);
    machine.write(ENERGY, '3000000\n');
    expect(await readings([memory])).toEqual({
      'package:0': { kind: 'known', joules: 2, broken: true },
      'memory:0': { kind: 'unknown', broken: true },
    });
    expect(await readings([memory])).toEqual({ 'memory:0': { kind: 'unknown', broken: false } });
    // Back again: what was counted meanwhile is unknown.
    machine.write(ENERGY, '9000000\n');
    expect((await readings([pkg]))['package:0']).toEqual({ kind: 'unknown', broken: true });
    machine.write(ENERGY, '9500000\n');
    expect((await readings([pkg]))['package:0']).toEqual({ kind: 'known', joules: 0.5, broken: false });
    expect(lines.filter((line) => line.includes('package'))).toEqual([
      'event=gap counter=package:0 why="it is not there any more"',
      'event=rebind counter=package:0',
    ]);
  });

  it('goes on where a register is found at another location', async () => {
    const { machine, counters } = powercap();
    const [pkg] = counters as [Counter, Counter];
    await open([pkg]);
    machine.write(ENERGY, '3000000\n');
    await readings([pkg]);
    const moved = 'sys/class/powercap/intel-rapl:7/energy_uj';
    machine.write(moved, '8000000\n');
    const location = { via: 'powercap', path: join(machine.sys, '..', moved) } as const;
    const { readings: taken, ...events } = await poller!.take([{ ...pkg, location }]);
    expect(taken.get('package:0')).toEqual({ kind: 'known', joules: 5, broken: false });
    expect(events).toEqual({ rebinds: 1, gaps: 0, resets: 0, wraps: 0 });
    expect(lines).toEqual(['event=rebind counter=package:0']);
  });

  it('refuses to begin without a counter that is needed', async () => {
    const { counters } = powercap();
    const location = { via: 'powercap', path: '/nowhere/energy_uj' } as const;
    await expect(open([{ ...counters[0]!, location }])).rejects.toMatchObject({
      name: 'EnergyError',
      exitCode: 3,
      message: expect.stringMatching(
        /^package:0 cannot be read: ENOENT.*; see `joules doctor` for other sources$/,
      ),
    });
    await openPoller({
      counters: [{ ...counters[0]!, location }],
      needed: [],
      log: (line) => lines.push(line),
    }).then((opened) => opened.close());
    expect(lines.at(-1)).toMatch(/^package:0 cannot be read: ENOENT/);
  });

  it('does not blame a counter where descriptors are short', async () => {
    const { counters } = powercap();
    const before = openDescriptors();
    await withFewDescriptors(1, () =>
      expect(open(counters)).rejects.toMatchObject({
        code: 'EMFILE',
        message: expect.stringMatching(/^cannot read memory:0 \(EMFILE\): raise the limit of open files/),
      }),
    );
    expect(openDescriptors()).toEqual(before);
  });
});
