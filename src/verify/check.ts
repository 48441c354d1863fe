// SPDX-License-Identifier: Apache-2.0
import { sum } from '../util/sum.ts';
import type { Arrangement, Observation, Sample } from './observation.ts';

/**
 * `cannot tell`: this machine, or the load on it, does not let it be judged. `expected`: not what was drawn, but what the
 * way of sharing out that this source has gives by its nature. `not judged`: what could not be looked at, which the
 * report names beside its verdict.
 */
export type Result = 'pass' | 'fail' | 'cannot tell' | 'expected' | 'not judged';

/** One thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly result: Result;
  /** What was found, in a sentence. */
  readonly text: string;
  /** The figures in it, in SI units and parts of one. */
  readonly figures: Readonly<Record<string, number | null>>;
}

/** Others that use more of the CPUs than this change what counters count from one second to the next. */
export const MOST_BUSY = 0.1;

/** What part of the machine's CPU time others than the loads and the meter used. */
export function busyShare({ samples, online }: Observation): number {
  const capacity = sum(samples.map(({ seconds }) => seconds)) * online.length;
  return sum(samples.map(({ otherSeconds }) => otherSeconds)) / capacity;
}

/** Why something that looks wrong may be the doing of others; undefined where they did little. */
export function disturbance(observation: Observation, most: number = MOST_BUSY): string | undefined {
  const share = busyShare(observation);
  return share > most ? `others used ${percent(share)} of the CPUs: run it when they rest` : undefined;
}

/** What looks wrong, or, where others that used more than `most` of the CPUs may be to blame, what cannot be told. */
export function blame(observation: Observation, check: Omit<Check, 'result'>, most?: number): Check {
  const busy = disturbance(observation, most);
  return busy === undefined
    ? { ...check, result: 'fail' }
    : { ...check, result: 'cannot tell', text: `${check.text}; but ${busy}` };
}

export function samplesOf(
  { samples }: Observation,
  ...arrangements: readonly Arrangement[]
): readonly Sample[] {
  return samples.filter(({ arrangement }) => arrangements.includes(arrangement));
}

/** W that a counter counted in a sample. One that has no figures counted nothing. */
export function zonePower({ zones, seconds }: Sample, zone: string): number {
  return (zones.get(zone) ?? 0) / seconds;
}

/** The id of the counter that counts a CPU. */
export function zoneOf({ source }: Observation, cpu: number | undefined): string | undefined {
  return source.zones.find(({ cpus }) => cpu !== undefined && cpus.includes(cpu))?.id;
}

/** The CPU of a load that is pinned to one. */
export function pinnedTo({ cpus }: Sample, load: keyof Sample['cpus']): number | undefined {
  const list = cpus[load];
  return list?.length === 1 ? list[0] : undefined;
}

export function percent(part: number): string {
  const hundredths = 100 * part;
  return `${Math.abs(hundredths) >= 9.95 ? hundredths.toFixed(0) : hundredths.toPrecision(2)} %`;
}

export function watts(power: number): string {
  if (Math.abs(power) < 5e-4) return '0 W';
  return `${Math.abs(power) >= 99.5 ? power.toFixed(0) : power.toPrecision(3)} W`;
}

export function milliseconds(seconds: number): string {
  return `${Number((1000 * seconds).toPrecision(3))} ms`;
}

/** A few of many, for a sentence. */
export function few(names: readonly string[]): string {
  return names.length <= 4
    ? names.join(', ')
    : `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`;
}
