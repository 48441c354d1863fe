// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { parseCpuList } from '../host/cpus.ts';
import { usageError } from '../model/errors.ts';
import { isJoulesPerCount } from './limits.ts';
import type { PerfEvent } from '../model/source.ts';
import { listNames, readText } from '../util/files.ts';

/** Format: Documentation/ABI/testing/sysfs-bus-event_source-devices-{format,events} of the kernel. */
const DEVICES = 'bus/event_source/devices';

/** Terms that perf(1) takes for every PMU, whatever its format files say. */
const RAW_TERMS: ReadonlyMap<string, string> = new Map([
  ['config', 'config:0-63'],
  ['config1', 'config1:0-63'],
  ['config2', 'config2:0-63'],
]);

/** A PMU as the kernel describes it in sysfs; files of format/ and events/ by name. */
export interface Pmu {
  readonly name: string;
  /** perf_event_attr.type. Differs from boot to boot, and when the PMU is registered anew. */
  readonly type: number;
  /** CPUs to open its events on, each for those around it, where the kernel says so. */
  readonly cpumask: readonly number[] | undefined;
  /**
   * CPUs that have counters of their own, where the kernel says which: core PMUs of hybrid CPUs (`cpu_core` and
   * `cpu_atom`, sysfs-devices-cpu in the kernel's ABI) and of Arm (drivers/perf/arm_pmu.c). Neither: every CPU has.
   */
  readonly cpus: readonly number[] | undefined;
  /** Where the value of a term goes: `config:0-7`, `config1:0-3,8`. */
  readonly format: ReadonlyMap<string, string>;
  readonly events: ReadonlyMap<string, string>;
}

/** Names of all PMUs of the machine whose sysfs is mounted at `sys`. */
export function pmuNames(sys: string): string[] {
  return listNames(join(sys, DEVICES));
}

/** The PMU of this name, undefined if there is none. */
export function readPmu(sys: string, name: string): Pmu | undefined {
  const path = join(sys, DEVICES, name);
  const type = readText(join(path, 'type'));
  if (type === undefined) return undefined;
  const cpumask = readText(join(path, 'cpumask'));
  const cpus = readText(join(path, 'cpus'));
  return {
    name,
    type: Number(type),
    cpumask: cpumask === undefined ? undefined : parseCpuList(cpumask),
    cpus: cpus === undefined ? undefined : parseCpuList(cpus),
    format: readTexts(join(path, 'format')),
    events: readTexts(join(path, 'events')),
  };
}

/** Events that the kernel names; the kernel may register a PMU and hide all of its events. */
export function eventNames(pmu: Pmu): string[] {
  return [...pmu.events.keys()].filter((name) => !/\.(scale|unit|per-pkg|snapshot)$/.test(name));
}

/** Joules per count of a named event, undefined where the kernel does not give it in Joules, or cannot mean it. */
export function joulesPerCount(pmu: Pmu, event: string): number | undefined {
  if (pmu.events.get(`${event}.unit`) !== 'Joules') return undefined;
  const scale = Number(pmu.events.get(`${event}.scale`));
  return isJoulesPerCount(scale) ? scale : undefined;
}

/**
 * What perf_event_open(2) takes for `text`: a named event, or terms as perf(1) writes them
 * (`event=0x10,umask=1`; a term alone is 1). Throws a usage error for what this PMU does not have.
 */
export function encodeEvent(pmu: Pmu, text: string): PerfEvent {
  const event = { type: pmu.type, config: 0n, config1: 0n, config2: 0n };
  const named = new Set(eventNames(pmu));
  const terms = text
    .split(',')
    .flatMap((part) => (named.has(part) ? pmu.events.get(part)!.split(',') : part));
  for (const term of terms) {
    const [, name = '', value = '1'] = /^([^=]*)(?:=(.*))?$/.exec(term) ?? [];
    const [field, ranges = ''] = (pmu.format.get(name) ?? RAW_TERMS.get(name) ?? '').split(':', 2);
    if (field !== 'config' && field !== 'config1' && field !== 'config2') throw unknownEvent(pmu, term);
    if (!/^(0x[\da-f]+|\d+)$/i.test(value)) {
      throw usageError(`${JSON.stringify(term)} of PMU ${pmu.name} is not TERM=NUMBER`);
    }
    let rest = BigInt(value);
    // The bits of a format are written like a list of CPUs.
    for (const bit of parseCpuList(ranges)) {
      event[field] |= (rest & 1n) << BigInt(bit);
      rest >>= 1n;
    }
    if (rest !== 0n) throw usageError(`${term} is too large: PMU ${pmu.name} has ${field}:${ranges} for it`);
  }
  return event;
}

function unknownEvent(pmu: Pmu, term: string): Error {
  const known = [
    ...eventNames(pmu),
    ...[...pmu.format.keys(), ...RAW_TERMS.keys()].map((name) => `${name}=`),
  ];
  return usageError(`PMU ${pmu.name} has no event ${JSON.stringify(term)}: it has ${known.join(', ')}`);
}

function readTexts(directory: string): Map<string, string> {
  const texts = new Map<string, string>();
  for (const name of listNames(directory)) {
    const text = readText(join(directory, name));
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}
