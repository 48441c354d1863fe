// SPDX-License-Identifier: Apache-2.0
// Learning from the counters of packages, as the native part takes it and tells how it goes.
import type { CounterLocation } from '../model/source.ts';

/** A counter of a whole package that is learned from. */
export interface LearnedPackage {
  /** Index of its zone. */
  readonly zone: number;
  /** Those that are online. */
  readonly cpus: readonly number[];
  /** The core of each of them, as a number from 0 on without a hole. */
  readonly cores: readonly number[];
  /** The CPU that reads the counter. */
  readonly lead: number;
  readonly location: CounterLocation;
  readonly joulesPerCount: number;
  /** Counts after which it starts at 0 again; 0: it does not. */
  readonly range: bigint;
  /** What the package cannot exceed, W. */
  readonly maxWatts: number;
}

/**
 * What becomes of learning from a counter. Impossible, until it is tried again some time later: `elsewhere`: we may not
 * run on its CPU; `unreadable` there; `unmoved`: it does not move; `period`: it moves all the time, or more rarely than
 * every 5 ms; `virtual`: every 100 ms or more rarely, so it is no hardware's but a hypervisor's; `unsteady`: at no steady
 * times, as far as a busy CPU can tell; `noise`: hardly any of its updates can be seen when it comes.
 */
export type LearningState =
  | 'calibrating'
  | 'learning'
  | 'elsewhere'
  | 'unreadable'
  | 'unmoved'
  | 'period'
  | 'unsteady'
  | 'virtual'
  | 'noise';

/**
 * Windows of two updates each or more that were learned from, and those that were not: an update was not seen exactly, or
 * missed; switches were lost; the energy is none, or more than the counter can count.
 */
export type LearningWindows = Readonly<Record<'used' | 'wide' | 'length' | 'lost' | 'energy', number>>;

/** How learning from a package's counter is going. */
export interface PackageLearning {
  /** Index of its zone. */
  readonly zone: number;
  readonly state: LearningState;
  /** -errno of `elsewhere` and `unreadable`, else 0. */
  readonly error: number;
  /** Mean time between two updates, ns, and their median absolute deviation from that; absent: not known. */
  readonly periodNs?: number;
  readonly jitterNs?: number;
  /** How exactly updates are seen: mean distance of the two reads around one, ns. */
  readonly edgeNs?: number;
  readonly windows: LearningWindows;
  /** For how long of each second it is learned, ms. */
  readonly burstMs: number;
  /** CPU time of the thread that does it, ns. */
  readonly cpuNs: number;
}

/** How learning from the counters of cores is going, by which the powers that BPF has learned are corrected. */
export interface CoreLearning {
  /** Mean time between two updates, ns; 0: they move all the time; absent: not known, and nothing is learned as yet. */
  readonly periodNs?: number;
  readonly windows: LearningWindows;
  /** Powers that were corrected. */
  readonly corrections: number;
  /** For how long of each second it is learned, ms. */
  readonly burstMs: number;
  /** Times that the model had to begin anew. */
  readonly restarts: number;
  /** CPU time of the thread that does it, ns. */
  readonly cpuNs: number;
}

export interface Learning {
  readonly packages: readonly PackageLearning[];
  /** Times that the model of packages had to begin anew. */
  readonly restarts: number;
  /** null: there are no such counters, or it is not wanted. */
  readonly cores: CoreLearning | null;
}
