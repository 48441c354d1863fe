// SPDX-License-Identifier: Apache-2.0
import { readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { MAX_WATTS } from './limits.ts';
import type { Counter, Domain } from '../model/source.ts';
import { attempt, listNames, readText } from '../util/files.ts';

type SensedDomain = Exclude<Domain, 'cpu'>;

/**
 * What the chips of hwmon sense that are known, by their `name`; Documentation/hwmon of the kernel, and for graphics its
 * Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon and -xe-hwmon, and amdgpu_pm.c. Rails of boards, drives and
 * power supplies are parts of what others count, and no chip says of which.
 */
const CHIPS: ReadonlyMap<string, SensedDomain> = new Map([
  ['power_meter', 'host'],
  ['apm_xgene', 'soc'],
  ['smpro_hwmon', 'soc'],
  ['altra_hwmon', 'soc'],
  ['i915', 'gpu'],
  ['xe', 'gpu'],
  ['amdgpu', 'gpu'],
]);

/** Of Ampere: `DIMM VRD1 power`. Its energies of single cores (`Core Energy 007`) are no sensor of the whole. */
const MEMORY = /\b(?:DIMM|DRAM)/i;

/** A chip of hwmon whose figures are of something known. */
interface Chip {
  readonly path: string;
  readonly domain: SensedDomain;
  /** Unique on the host. */
  readonly name: string;
  readonly device: string;
}

/**
 * Sensors of power and energy beside the CPUs' own counters: graphics, the processor's supply, and the whole machine,
 * which batteries know while it runs on them.
 */
export function sensorCounters(sys: string): Counter[] {
  const chips = chipsOf(sys);
  const sensed = chips.flatMap((chip) => (chip.domain === 'gpu' ? graphicsOf(chip) : sensorsOf(chip)));
  return sensed.some(({ domain }) => domain === 'host') ? sensed : [...sensed, ...batteriesOf(sys)];
}

/** Format: Documentation/hwmon/sysfs-interface.rst. Older drivers, power_meter's too, have their files in `device`. */
function chipsOf(sys: string): Chip[] {
  const directory = join(sys, 'class/hwmon');
  return listNames(directory).flatMap((entry) => {
    const device = join(directory, entry, 'device');
    for (const path of [join(directory, entry), device]) {
      const domain = CHIPS.get(readText(join(path, 'name')) ?? '');
      if (domain !== undefined) return [{ path, domain, name: deviceName(device) ?? entry, device }];
    }
    return [];
  });
}

/** Of a PCI device its address, of one of ACPI its id; what is no link has no name that lasts. */
function deviceName(device: string): string | undefined {
  const target = attempt(() => readlinkSync(device));
  return target === undefined ? undefined : basename(target);
}

/** Graphics are one counter: of a card, where the driver tells card and package apart, that of the card. */
function graphicsOf(chip: Chip): Counter[] {
  const energies = channelsOf(chip, 'energy');
  const energy = energies.find((one) => labelOf(chip, 'energy', one) === 'card') ?? energies[0];
  if (energy !== undefined) return [energyCounter(chip, energy)];
  const power = channelsOf(chip, 'power')[0];
  if (power === undefined) return [];
  return [powerCounter(chip, power, isApu(chip) ? 'soc' : chip.domain, chip.name)];
}

/** AMD's graphics within a processor know the power of all of it; they alone have a supply `vddnb` (amdgpu_pm.c). */
function isApu({ path }: Chip): boolean {
  return readText(join(path, 'in1_label')) === 'vddnb';
}

/** Each channel of power is a counter. */
function sensorsOf(chip: Chip): Counter[] {
  const channels = channelsOf(chip, 'power');
  return channels.map((channel) => {
    const label = labelOf(chip, 'power', channel);
    const domain = chip.domain === 'soc' && MEMORY.test(label) ? 'memory' : chip.domain;
    const name = channels.length === 1 ? chip.name : `${chip.name}:${label || channel}`;
    return powerCounter(chip, channel, domain, name);
  });
}

/** Numbers of the channels of a quantity, ascending. */
function channelsOf({ path }: Chip, quantity: 'energy' | 'power'): number[] {
  const names = quantity === 'energy' ? /^energy(\d+)_input$/ : /^power(\d+)_(?:input|average)$/;
  const numbers = listNames(path).flatMap((file) => Number(names.exec(file)?.[1] ?? []));
  return [...new Set(numbers)].filter((one) => one > 0).toSorted((a, b) => a - b);
}

function labelOf({ path }: Chip, quantity: string, channel: number): string {
  return readText(join(path, `${quantity}${channel}_label`)) ?? '';
}

function energyCounter({ path, domain, name, device }: Chip, channel: number): Counter {
  return {
    id: `${domain}:${name}`,
    domain,
    cpus: [],
    joulesPerCount: 1e-6,
    // The drivers add the 32 bits of the hardware up to 64.
    range: 0n,
    maxWatts: boundOf(domain),
    location: { via: 'hwmon', path: join(path, `energy${channel}_input`), device },
  };
}

/** The mean over the sensor's own time is better than a moment's value, where there is one. */
function powerCounter({ path, device }: Chip, channel: number, domain: SensedDomain, name: string): Counter {
  const files = listNames(path);
  const file = [`power${channel}_average`, `power${channel}_input`].find((one) => files.includes(one))!;
  return integrated(`${domain}:${name}`, domain, { sensors: [[join(path, file)]], device });
}

/** All batteries together are one counter of the machine. Documentation/ABI/testing/sysfs-class-power. */
function batteriesOf(sys: string): Counter[] {
  const directory = join(sys, 'class/power_supply');
  const batteries = listNames(directory)
    .map((entry) => join(directory, entry))
    .filter(isSystemBattery);
  const sensors = batteries.flatMap((path) => {
    const files = listNames(path);
    if (files.includes('power_now')) return [[join(path, 'power_now')]];
    const pair = ['current_now', 'voltage_now'];
    return pair.every((file) => files.includes(file)) ? [pair.map((file) => join(path, file))] : [];
  });
  // One that does not say what it gives would be missing from the sum.
  if (batteries.length === 0 || sensors.length < batteries.length) return [];
  return [integrated('host:battery', 'host', { sensors, batteries })];
}

/** Mice and pens have batteries, too: `scope` Device. */
function isSystemBattery(path: string): boolean {
  return readText(join(path, 'type')) === 'Battery' && readText(join(path, 'scope')) !== 'Device';
}

function integrated(
  id: string,
  domain: SensedDomain,
  location: { sensors: string[][]; device?: string; batteries?: string[] },
): Counter {
  const maxWatts = boundOf(domain);
  return {
    id,
    domain,
    cpus: [],
    joulesPerCount: 1e-6,
    range: 0n,
    maxWatts,
    location: { via: 'power', ...location, maxWatts },
  };
}

/** Graphics with a sensor of their own are cards; a processor's supply is bounded as a package is. */
function boundOf(domain: SensedDomain): number {
  if (domain === 'gpu') return MAX_WATTS.card;
  return domain === 'soc' ? MAX_WATTS.package : MAX_WATTS[domain];
}
