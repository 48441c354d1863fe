// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PowerLocation } from '../model/source.ts';
import type { OpenCounter } from './open-counter.ts';

/**
 * What sensors say that have nothing to say, µW: all bits of 31 or 32, in µW or, of firmware that counts in mW, times
 * 1000. ACPI's power meter gives 4294967295000 where the board has none (lm-sensors/lm-sensors#460), which
 * sustainable-computing-io/kepler#1049 believed.
 */
const NO_READING = new Set([2 ** 31 - 1, 2 ** 32 - 1].flatMap((bits) => [bits, bits * 1000]));

/** Power that is integrated over time: the mean of two readings, times the time between them, adds to the µJ. */
export function openPower(location: PowerLocation): OpenCounter {
  let last: { readonly microwatts: number; readonly ms: number } | undefined;
  let microjoules = 0;
  return {
    async read() {
      const asleep = last !== undefined && location.device !== undefined && (await isAsleep(location.device));
      const microwatts = asleep ? 0 : await powerNow(location);
      const ms = performance.now();
      if (last) microjoules += (((last.microwatts + microwatts) / 2) * (ms - last.ms)) / 1000;
      last = { microwatts, ms };
      return BigInt(Math.round(microjoules));
    },
    close() {},
  };
}

async function powerNow({ sensors, batteries, maxWatts }: PowerLocation): Promise<number> {
  if (batteries) await mustDischarge(batteries);
  const all = await Promise.all(sensors.map((files) => readSensor(files, maxWatts)));
  return all.reduce((total, one) => total + one, 0);
}

async function readSensor(files: readonly string[], maxWatts: number): Promise<number> {
  const values = await Promise.all(files.map(readValue));
  // µA times µV is 10^-6 µW. Some batteries count what they give as negative.
  const microwatts = Math.abs(values.length === 2 ? (values[0]! * values[1]!) / 1e6 : values[0]!);
  if (values.some((one) => NO_READING.has(one)) || microwatts > maxWatts * 1e6)
    throw new Error(`${files[0]} says ${values[0]}, which is no reading`);
  return microwatts;
}

async function readValue(path: string): Promise<number> {
  const text = (await readFile(path, 'latin1')).trim();
  if (!/^-?\d+$/.test(text)) throw new Error(`${path} says ${JSON.stringify(text)}, which is no number`);
  return Number(text);
}

/** Batteries know what the machine draws while it runs on them alone: while none is charged, and one gives. */
async function mustDischarge(batteries: readonly string[]): Promise<void> {
  const states = await Promise.all(batteries.map(async (path) => textOf(join(path, 'status'))));
  if (!states.includes('Discharging') || states.includes('Charging'))
    throw new Error('the machine does not run on its battery');
  if (await isPluggedIn(dirname(batteries[0]!))) throw new Error('the machine is plugged in');
}

/** An adapter may feed the machine while its batteries discharge, too. */
async function isPluggedIn(supplies: string): Promise<boolean> {
  const names = await readdir(supplies);
  const online = await Promise.all(names.map(async (name) => textOf(join(supplies, name, 'online'))));
  return online.some((one) => one !== undefined && one !== '0');
}

/** Of a device whose power is managed at run time: `suspended` or `suspending`. */
export async function isAsleep(device: string): Promise<boolean> {
  return (await textOf(join(device, 'power/runtime_status')))?.startsWith('suspend') ?? false;
}

async function textOf(path: string): Promise<string | undefined> {
  return readFile(path, 'latin1').then(
    (text) => text.trim(),
    () => undefined,
  );
}
