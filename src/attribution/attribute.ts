// SPDX-License-Identifier: Apache-2.0
import type { Core } from '../host/cpus.ts';
import type { Readings } from '../model/reading.ts';
import type { EnergySource } from '../model/source.ts';
import type { Columns } from '../probe/columns.ts';
import { atOnce } from '../util/cooperative.ts';
import { extended } from '../util/lazy.ts';
import { byCgroup, type CgroupCharge } from './by-cgroup.ts';
import { byCore, type CoreCharge } from './by-core.ts';
import { byProcess, type ProcessCharges } from './by-process.ts';
import { byZone, type ZoneCharge } from './by-zone.ts';
import { estimatedPricing } from './price-estimated.ts';
import { learnedPricing } from './price-learned.ts';
import { polledPricing } from './price-polled.ts';
import { switchedPricing } from './price-switched.ts';
import { priceRows, type Pricing, unpricedRows } from './pricing.ts';
import { type GroupOfCpu, groupOfCpu } from './reducer.ts';

/**
 * Where the energy of an interval went: Σ of the zones' Joules = `processJoules` + Σ of their idle, gap, lost and
 * shared Joules, and `processJoules` = Σ `processes` + `unidentified` = Σ `cgroups`.
 */
export interface Charges extends ProcessCharges {
  readonly cgroups: readonly CgroupCharge[];
  readonly zones: readonly ZoneCharge[];
  readonly cores: readonly CoreCharge[];
}

/** Rows that are taken in one step, which takes some tens of µs. */
const STEP_ROWS = 256;

/**
 * Turns what the kernel recorded, and what user space read (`readings`, by the counters' id), into Joules.
 * A zone that could not be read has no figures, and nothing is charged on its CPUs. Pure: no clock, no I/O.
 */
export function attribute(...interval: Parameters<typeof attributing>): Charges {
  return atOnce(attributing(...interval));
}

/** `attribute` in steps: with 10,000 processes it takes some ms, and more before it is compiled. */
export function* attributing(
  columns: Columns,
  source: EnergySource,
  cores: readonly Core[],
  readings: Readings = new Map(),
): Generator<void, Charges> {
  const zoneOf = groupOfCpu(source.zones);
  const pricing = pricingOf(columns, source, readings, zoneOf);
  const priced = unpricedRows(columns, pricing);
  // What else is to be known of an interval, by label or by thread, is one more reducer here.
  const processes = byProcess(priced, columns);
  const cgroups = byCgroup(priced, columns.cgroups);
  const zones = byZone(priced, source.zones, zoneOf, pricing);
  const perCore = byCore(priced, cores);
  const reducers = [processes, cgroups, zones, perCore];

  const { length } = columns.rows.cpu;
  for (let begin = 0; begin < length; begin += STEP_ROWS) {
    const end = Math.min(begin + STEP_ROWS, length);
    priceRows(priced, pricing, zoneOf, begin, end);
    for (const reducer of reducers) reducer.add(begin, end);
    yield;
  }
  return extended(processes.result(), {
    cgroups: cgroups.result(),
    zones: zones.result(),
    cores: perCore.result(),
  });
}

function pricingOf(columns: Columns, source: EnergySource, readings: Readings, zoneOf: GroupOfCpu): Pricing {
  if (source.reader === 'bpf') return switchedPricing(columns, source, zoneOf);
  if (source.reader === 'user') {
    const pricing = source.attribution === 'learned' ? learnedPricing : polledPricing;
    return pricing(columns, source, readings, zoneOf);
  }
  return estimatedPricing(columns, source, zoneOf);
}
