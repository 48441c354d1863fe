// SPDX-License-Identifier: Apache-2.0
import { JOULES_PER_COUNT } from '../counter.ts';
import type { Random } from '../random.ts';
import { MS } from '../workload.ts';
import { type Activity, createCore, type World } from './core.ts';
import { overlap } from './idle.ts';

/** Updates from one change of the frequency to the next. */
const GOVERNOR_UPDATES = 10;
/** Misses per ns and core at which the uncore runs at full speed, and how fast it gets there. */
const FULL_TRAFFIC = 0.02;
const TRAFFIC_NS = 10 * MS;
/** Thermal design power of a core at full load, W. */
const CORE_W = 2.6;
const NJ = 1e-9;

/** A package: cores that share frequency and voltage, an uncore, and a counter of all their energy. */
export interface Package {
  /** Lets its cores go on to the given time. */
  advance(toNs: number): void;
  /** Updates the counter, now. Returns what it reads, in counts. */
  update(): number;
}

export function createPackage(world: World, cores: readonly number[], random: Random): Package {
  const { hardware, nobody } = world;
  const activity: Activity = {
    energyNj: 0,
    busyNs: 0,
    misses: 0,
    missesOf: new Map(),
    busyFrom: [],
    busyUntil: [],
  };
  const parts = cores.map((core) => createCore(world, activity, core));
  const staticW = hardware.uncoreW + hardware.uncorePerCoreW * cores.length;
  const limitW = 2 + CORE_W * cores.length + staticW;
  let nowNs = 0;
  let sinceNs = 0;
  let speed = 1;
  let loadSum = 0;
  let updates = 0;
  let powerW = 0;
  let noise = 0;
  let trafficPerNs = 0;
  let countedNj = 0;

  /** Static power and its slow noise are nobody's. What traffic speeds up is paid for by whoever misses the cache. */
  function useUncore(ns: number): void {
    const idleNs = ns - overlap(activity.busyFrom, activity.busyUntil);
    noise = 0.9 * noise + Math.sqrt(1 - 0.9 ** 2) * random.normal();
    const noiseW = hardware.uncoreNoise * (powerW || staticW) * noise;
    const sharedNj = Math.max(0, staticW * (ns - idleNs / 2) + noiseW * ns);
    trafficPerNs += (activity.misses / ns - trafficPerNs) * Math.min(1, ns / TRAFFIC_NS);
    const fast = Math.min(1, trafficPerNs / (cores.length * FULL_TRAFFIC));
    const trafficNj = hardware.trafficPerCoreW * cores.length * fast * ns;
    for (const [task, misses] of activity.missesOf) {
      if (misses > 0) task.energyNj += (trafficNj * misses) / activity.misses;
    }
    activity.energyNj += sharedNj + trafficNj;
    nobody.sharedNj += sharedNj + (activity.misses > 0 ? 0 : trafficNj);
  }

  /** The more cores are active the slower they all run, and slower still where the package draws too much. */
  function govern(ns: number): void {
    loadSum += activity.busyNs / (ns * 2 * cores.length);
    if (++updates % GOVERNOR_UPDATES > 0) return;
    const wanted = 1.25 - (hardware.turbo * loadSum) / GOVERNOR_UPDATES;
    loadSum = 0;
    speed = Math.max(0.6, powerW > limitW ? speed - 0.015 : Math.min(wanted, speed + 0.02));
  }

  function clear(): void {
    activity.energyNj = activity.busyNs = activity.misses = 0;
    activity.missesOf.clear();
    activity.busyFrom.length = activity.busyUntil.length = 0;
    sinceNs = nowNs;
  }

  return {
    advance(toNs) {
      for (const core of parts) core.advance(toNs, speed);
      nowNs = toNs;
    },
    update() {
      const ns = nowNs - sinceNs;
      useUncore(ns);
      const drawnW = activity.energyNj / ns;
      powerW += powerW > 0 ? 0.02 * (drawnW - powerW) : drawnW;
      govern(ns);
      countedNj += Math.max(0, activity.energyNj * (1 + hardware.counterNoise * random.normal()));
      clear();
      const steps = Math.floor((countedNj * NJ) / hardware.counterJ);
      return Math.round((steps * hardware.counterJ) / JOULES_PER_COUNT);
    },
  };
}
