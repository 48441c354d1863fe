// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { openPoller, type Poller } from '../../src/counters/poller.ts';
import type { Reading } from '../../src/model/reading.ts';
import type { Counter } from '../../src/model/source.ts';
import { sensorCounters } from '../../src/sources/sensors.ts';
import { emptyMachine, type Machine } from '../support/machine.ts';

/** A counter that is read, and how long it was between the two readings that `take` is of, in bounds, s. */
interface Watched {
  readonly lines: readonly string[];
  take(): Promise<{ reading: Reading; least: number; most: number }>;
}

let poller: Poller | undefined;
afterEach(() => poller?.close());

async function watch(counter: Counter): Promise<Watched> {
  const lines: string[] = [];
  let before = { begin: performance.now(), end: 0 };
  const log = (line: string): void => void lines.push(line);
  poller = await openPoller({ counters: [counter], needed: [], log, periodMs: 1e6 });
  before.end = performance.now();
  return {
    lines,
    async take() {
      const begin = performance.now();
      const { readings } = await poller!.take([counter]);
      const end = performance.now();
      const least = (begin - before.end) / 1000;
      const most = (end - before.begin) / 1000;
      before = { begin, end };
      return { reading: readings.get(counter.id)!, least, most };
    },
  };
}

function only(machine: Machine): Counter {
  const counters = sensorCounters(machine.sys);
  expect(counters).toHaveLength(1);
  return counters[0]!;
}

function joulesOf(reading: Reading): number {
  return reading.kind === 'known' ? reading.joules : NaN;
}

/** ACPI's power meter at 100 W. */
function metered(): { machine: Machine; say: (microwatts: string) => void } {
  const machine = emptyMachine();
  const say = (text: string): void =>
    machine.write('sys/class/hwmon/hwmon1/device/power1_average', `${text}\n`);
  machine.write('sys/class/hwmon/hwmon1/device/name', 'power_meter\n');
  say('100000000');
  return { machine, say };
}

describe('power', () => {
  it('is integrated over time', async () => {
    const { machine, say } = metered();
    const counter = only(machine);
    expect(counter).toMatchObject({ id: 'host:hwmon1', domain: 'host', location: { via: 'power' } });
    const watched = await watch(counter);
    await sleep(50);
    const first = await watched.take();
    expect(joulesOf(first.reading)).toBeGreaterThanOrEqual(100 * first.least);
    expect(joulesOf(first.reading)).toBeLessThanOrEqual(100 * first.most);
    // The mean of two readings is taken for the time between them.
    say('300000000');
    await sleep(50);
    const second = await watched.take();
    expect(joulesOf(second.reading)).toBeGreaterThanOrEqual(200 * second.least);
    expect(joulesOf(second.reading)).toBeLessThanOrEqual(200 * second.most);
  });

  it.each([
    '4294967295000', // lm-sensors/lm-sensors#460, sustainable-computing-io/kepler#1049
    '4294967295',
    '2147483647000',
    '31000000000',
    '',
    'N/A',
  ])('%j is no reading: nothing is known then, and it goes on after that', async (text) => {
    const { machine, say } = metered();
    const watched = await watch(only(machine));
    await sleep(10);
    expect(joulesOf((await watched.take()).reading)).toBeGreaterThan(0);
    say(text);
    expect((await watched.take()).reading.kind).toBe('unknown');
    expect(watched.lines.at(-1)).toMatch(
      /^event=gap counter=host:hwmon1 why=".* says .*no (?:reading|number)"$/,
    );
    say('100000000');
    await watched.take();
    await sleep(10);
    const again = await watched.take();
    expect(joulesOf(again.reading)).toBeGreaterThanOrEqual(100 * again.least);
    expect(joulesOf(again.reading)).toBeLessThanOrEqual(100 * again.most);
  });

  it('is never known where the first reading was none', async () => {
    const { machine, say } = metered();
    say('4294967295000');
    const watched = await watch(only(machine));
    expect((await watched.take()).reading.kind).toBe('unknown');
    expect(watched.lines).toEqual([expect.stringMatching(/^host:hwmon1 cannot be read: .*no reading$/)]);
  });
});

describe('graphics', () => {
  const HWMON = 'sys/class/hwmon/hwmon4';

  it('are counted by the card’s energy, not by its package’s or its power', () => {
    const machine = emptyMachine();
    for (const [file, text] of Object.entries({
      name: 'xe',
      energy1_label: 'pkg',
      energy1_input: '7',
      energy2_label: 'card',
      energy2_input: '9',
      power1_input: '1',
    }))
      machine.write(`${HWMON}/${file}`, `${text}\n`);
    expect(only(machine)).toMatchObject({
      id: 'gpu:hwmon4',
      domain: 'gpu',
      location: { via: 'hwmon', path: expect.stringMatching(/energy2_input$/) },
    });
  });

  it('are integrated where they have power alone, the mean rather than the moment', () => {
    const machine = emptyMachine();
    for (const [file, text] of Object.entries({ name: 'amdgpu', power1_average: '1', power1_input: '1' }))
      machine.write(`${HWMON}/${file}`, `${text}\n`);
    expect(only(machine)).toMatchObject({
      domain: 'gpu',
      location: { via: 'power', sensors: [[expect.stringMatching(/power1_average$/)]] },
    });
  });

  it('are the whole processor’s where they sit in one of AMD’s, and no graphics’', () => {
    const machine = emptyMachine();
    for (const [file, text] of Object.entries({ name: 'amdgpu', power1_input: '1', in1_label: 'vddnb' }))
      machine.write(`${HWMON}/${file}`, `${text}\n`);
    expect(only(machine)).toMatchObject({ id: 'soc:hwmon4', domain: 'soc' });
  });

  it.each([
    ['energy', { name: 'i915', energy1_input: '1000000' }, 'energy1_input'],
    ['power', { name: 'amdgpu', power1_input: '10000000' }, 'power1_input'],
  ])('are not woken up for their %s', async (_, files, file) => {
    const machine = emptyMachine();
    for (const [name, text] of Object.entries(files)) machine.write(`${HWMON}/${name}`, `${text}\n`);
    machine.write(`${HWMON}/device/power/runtime_status`, 'active\n');
    const watched = await watch(only(machine));
    machine.write(`${HWMON}/device/power/runtime_status`, 'suspended\n');
    await watched.take();
    // Whoever read this now would fail.
    machine.write(`${HWMON}/${file}`, 'asleep\n');
    await sleep(10);
    const { reading } = await watched.take();
    expect(reading.broken).toBe(false);
    expect(watched.lines).toEqual([]);
  });
});

describe('a battery', () => {
  const SUPPLIES = 'sys/class/power_supply';

  function laptop(): Machine {
    const machine = emptyMachine();
    for (const [file, text] of Object.entries({
      'BAT0/type': 'Battery',
      'BAT0/status': 'Discharging',
      'BAT0/current_now': '-1000000',
      'BAT0/voltage_now': '12000000',
      'BAT1/type': 'Battery',
      'BAT1/status': 'Not charging',
      'BAT1/power_now': '3000000',
      'mouse/type': 'Battery',
      'mouse/scope': 'Device',
      'AC/type': 'Mains',
      'AC/online': '0',
    }))
      machine.write(`${SUPPLIES}/${file}`, `${text}\n`);
    return machine;
  }

  it('says with the others what the machine draws', async () => {
    const counter = only(laptop());
    expect(counter).toMatchObject({ id: 'host:battery', domain: 'host' });
    const watched = await watch(counter);
    await sleep(20);
    const { reading, least, most } = await watched.take();
    expect(joulesOf(reading)).toBeGreaterThanOrEqual(15 * least);
    expect(joulesOf(reading)).toBeLessThanOrEqual(15 * most);
  });

  it.each([
    ['AC/online', '1', 'plugged in'],
    ['BAT1/status', 'Charging', 'does not run on its battery'],
    ['BAT0/status', 'Full', 'does not run on its battery'],
  ])('says nothing where %s is %s', async (file, text, why) => {
    const machine = laptop();
    const watched = await watch(only(machine));
    machine.write(`${SUPPLIES}/${file}`, `${text}\n`);
    expect((await watched.take()).reading.kind).toBe('unknown');
    expect(watched.lines).toEqual([expect.stringContaining(why)]);
  });
});

describe('an Ampere’s supplies', () => {
  it('are the processor’s and its memory’s', () => {
    const machine = emptyMachine();
    for (const [file, text] of Object.entries({
      name: 'smpro_hwmon',
      // Documentation/hwmon/smpro-hwmon.rst
      power1_input: '1',
      power1_label: 'Core VRD power',
      power3_input: '1',
      power3_label: 'DIMM VRD1 power',
    }))
      machine.write(`sys/class/hwmon/hwmon2/${file}`, `${text}\n`);
    expect(sensorCounters(machine.sys).map(({ id, domain }) => [id, domain])).toEqual([
      ['soc:hwmon2:Core VRD power', 'soc'],
      ['memory:hwmon2:DIMM VRD1 power', 'memory'],
    ]);
  });
});
