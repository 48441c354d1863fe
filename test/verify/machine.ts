// SPDX-License-Identifier: Apache-2.0
// A machine whose counters and shares are made up, with noise, and with one fault if that is asked for.
import { choosePlaces, planOf, type Segment } from '../../src/verify/plan.ts';
import type { LoadName, LoadUse, Observation, Sample, Update } from '../../src/verify/observation.ts';

/** What is wrong with it. */
export type Fault =
  | 'whole' // every counter counts all CPUs
  | 'half' // the only counter counts half of the CPUs
  | 'frozen'
  | 'stops' // a counter stands still from the middle on
  | 'scale'
  | 'hidden'
  | 'noise' // 20 % from update to update
  | 'flicker' // 20 % from interval to interval
  | 'open' // the ledger does not close
  | 'mixed' // in turns both are charged with the mean
  | 'idle' // half of what a load draws goes to idle
  | 'resets';

export interface MachineOptions {
  readonly seed: number;
  readonly seconds?: number;
  readonly cores?: number;
  /** Cores that share a counter. */
  readonly coresPerZone?: number;
  readonly scope?: 'cpu' | 'core' | 'package';
  readonly kind?: 'measured' | 'apportioned' | 'estimated';
  /** From which part of the run on powers are learned, where they are apportioned. */
  readonly learnedFrom?: number;
  /** The counter runs in idle as in use. */
  readonly clock?: boolean;
  readonly fault?: Fault;
  /** W of a load while it runs, beyond its core's own. */
  readonly watts?: Readonly<Record<LoadName, number>>;
  /** CPUs that others keep busy, as a mean: they come and go. */
  readonly others?: number;
  /** Standard deviation of power from interval to interval, in parts. */
  readonly unsteady?: number;
  /** Whether the one who watches the counter is often held up, as by a hypervisor. */
  readonly heldUp?: boolean;
}

const CORE_WATTS = 0.5;
const UNCORE_WATTS = 3;
const READERS = { measured: 'bpf', apportioned: 'user', estimated: 'none' } as const;
const PERIOD_S = 0.001;

/** mulberry32: uniform in [0, 1). */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A run of `joules verify` on such a machine. */
export function runOn(options: MachineOptions): Observation {
  const { seed, seconds = 60, cores = 4, coresPerZone = 1, fault } = options;
  const { scope = coresPerZone === 1 ? 'core' : 'package', kind = 'measured' } = options;
  const random = uniform(seed);
  const zones = Array.from({ length: cores / coresPerZone }, (_, zone) => ({
    id: `${scope}:${zone}`,
    cpus: Array.from({ length: coresPerZone }, (__, i) => zone * coresPerZone + i),
  }));
  const online = Array.from({ length: cores }, (_, cpu) => cpu);
  const plan = planOf(seconds, choosePlaces(online, zones), online);
  const samples: Sample[] = [];
  for (const [segment, part] of plan.entries()) {
    const one = (arrangement: Sample['arrangement'], lasts: number): void => {
      const isLate = samples.length > 0 && segment > plan.length / 2;
      const isLearned = segment >= (options.learnedFrom ?? 1) * plan.length;
      const moment = { zones, random, isLate, isLearned, arrangement, segment, part, lasts };
      samples.push(sampleOf({ ...options, ...moment }));
    };
    const settling = Math.min(0.3, part.seconds * 0.15);
    one('between', settling);
    for (let i = 0; i < part.intervals; i++)
      one(part.arrangement, (part.seconds - settling) / part.intervals);
  }
  const isCounted = kind !== 'estimated';
  return {
    machine: {
      model: 'Synthetic',
      kernel: '6.12.0',
      arch: 'x64',
      virtual: false,
      cpus: cores,
      cores,
      packages: 1,
    },
    source: { name: 'power_core', kind, scope, zones, reader: READERS[kind] },
    packageLimit: undefined,
    online: fault === 'hidden' ? online.slice(0, -1) : online,
    allowed: online,
    oneOfEachCore: online,
    samples,
    watch: isCounted && fault !== 'frozen' ? watchOf(options, random) : undefined,
    references: [],
  };
}

interface Moment extends MachineOptions {
  readonly zones: Observation['source']['zones'];
  readonly random: () => number;
  readonly isLate: boolean;
  readonly isLearned: boolean;
  readonly arrangement: Sample['arrangement'];
  readonly segment: number;
  readonly part: Segment;
  readonly lasts: number;
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function sampleOf(moment: Moment): Sample {
  const { arrangement, segment, part, lasts, zones, random, fault, kind, clock = false, cores = 4 } = moment;
  const { unsteady = 0.01, others = 0, watts = { integer: 6, memory: 2 }, coresPerZone = 1 } = moment;
  const running = (['integer', 'memory'] as const).filter((load) => part.cpus[load]);
  // Free ones run on some cores, never on the same.
  const at = new Map<LoadName, number>();
  for (const load of running) {
    const list = part.cpus[load]!.filter(
      (cpu, _, all) => all.length === 1 || ![...at.values()].includes(cpu),
    );
    at.set(load, list[Math.floor(random() * list.length)]!);
  }
  const meet = running.length === 2 && at.get('integer') === at.get('memory');
  const share = meet ? 0.5 : 1;
  const busy = Math.max(0, others * (1 + normal(random)));
  const power = new Map<number, number>();
  const unrest = new Map<number, number>();
  for (let cpu = 0; cpu < cores; cpu++) {
    const own = running.filter((load) => at.get(load) === cpu);
    const drawn =
      own.reduce((total, load) => total + watts[load] * share, 0) + (busy / cores) * 4 * random() * 2;
    unrest.set(cpu, clock ? 1 : 1 + unsteady * normal(random));
    power.set(cpu, clock ? 2.6 : (CORE_WATTS + drawn) * unrest.get(cpu)!);
  }
  const flicker = fault === 'flicker' ? 1 + 0.2 * normal(random) : 1;
  const factor = (fault === 'scale' ? 64 : 1) * flicker;
  const total = [...power.values()].reduce((one, other) => one + other, UNCORE_WATTS);
  const stands = fault === 'frozen' || (fault === 'stops' && moment.isLate);
  const counted = zones.map(({ cpus }) => {
    const counts = fault === 'half' ? cpus.slice(0, cpus.length / 2) : cpus;
    const own = counts.reduce((one, cpu) => one + power.get(cpu)!, coresPerZone > 1 ? UNCORE_WATTS : 0);
    return stands ? 0 : (fault === 'whole' ? total : own) * lasts * factor;
  });
  const all = counted.reduce((one, other) => one + other, 0);
  const uses = running.map((load): [LoadName, LoadUse] => {
    const zone = zones.findIndex(({ cpus }) => cpus.includes(at.get(load)!));
    const cpuSeconds = lasts * share;
    const isByTime = kind === 'apportioned' && !moment.isLearned;
    const mean = (watts.integer + watts.memory) / 2;
    const alone = clock ? 2.6 : CORE_WATTS + (fault === 'mixed' && meet ? mean : watts[load]);
    const whole = (counted[zone]! / lasts / zones[zone]!.cpus.length) * cpuSeconds;
    // Each Joule of a core is charged to whoever runs there: what is wrong with the counter is wrong with the share.
    const own = stands ? 0 : alone * cpuSeconds * factor * unrest.get(at.get(load)!)!;
    const joules = (isByTime ? whole : own) * (fault === 'idle' ? 0.5 : 1);
    return [
      load,
      { joules, errorJoules: isByTime ? null : joules * 0.002, cpuSeconds, work: cpuSeconds * 1e4 },
    ];
  });
  const used = uses.reduce((one, [, { joules }]) => one + joules, 0);
  return {
    arrangement,
    segment,
    round: part.round,
    seconds: lasts,
    cpus: part.cpus,
    loads: Object.fromEntries(uses),
    zones: new Map(zones.map(({ id }, i) => [id, counted[i]!])),
    counterJoules: all,
    idleJoules: Math.max(0, all - used),
    unknownJoules: 0,
    openness: fault === 'open' && segment === 3 ? 1e-3 : 1e-15,
    otherSeconds: busy * lasts,
    self: { joules: 0.01 * lasts, cpuSeconds: 0.004 * lasts, switches: 500 },
    rebinds: 0,
    resets: fault === 'resets' && segment === 3 ? 1 : 0,
    skipped: 0,
    switching: Array.from({ length: cores }, (_, cpu) => cpu),
  };
}

/** Updates a millisecond apart, late by up to 0.1 ms, and seen within 20 us, or within 1.6 ms. */
function watchOf(
  { fault, clock = false, unsteady = 0.01, heldUp = false }: MachineOptions,
  random: () => number,
): Observation['watch'] {
  if (clock) {
    const updates = Array.from({ length: 500 }, (_, i): Update => ({
      ns: i * 1000,
      beforeNs: (i - 1) * 1000,
      joules: i * 2.6e-6,
    }));
    return { seconds: 5e-4, reads: 500, updates };
  }
  const updates: Update[] = [];
  let joules = 0;
  for (let i = 0, last = 0; i < 1000; i++) {
    const at = (i + 0.1 * random()) * PERIOD_S;
    const noise = fault === 'noise' ? (random() < 0.5 ? 0.8 : 1.2) : 1 + unsteady * normal(random);
    joules += 6.5 * (at - last) * noise;
    last = at;
    const [late, early] = [random(), random()].map((part) => part * (heldUp ? 8e-4 : 1e-5));
    updates.push({ ns: (at + late!) * 1e9, beforeNs: (at - early!) * 1e9, joules });
  }
  return { seconds: 1, reads: 100_000, updates };
}
