// SPDX-License-Identifier: Apache-2.0
import { leastAttribution } from '../attribution/least.ts';
import { sumUsed, type Used } from '../attribution/used.ts';
import type { Descendants } from '../identity/descendants.ts';
import type { Measurement, Meter } from '../meter.ts';
import { EnergyError } from '../model/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Attribution } from '../model/source.ts';

/** What somebody used while it was measured, and the machine meanwhile. Joules, seconds, watts. */
export interface Figures {
  readonly elapsed_s: number;
  readonly source: Snapshot['source'];
  readonly energy_j: number;
  /** Estimated standard deviation of `energy_j`; null where the source gives none. */
  readonly energy_err_j: number | null;
  readonly cpu_time_s: number;
  readonly power_w: number;
  readonly processes: number;
  readonly machine_j: number;
  /** The time of `machine_j`, `idle_j` and what is nobody's: from just before it began until what it used was read. */
  readonly machine_s: number;
  readonly idle_j: number;
  readonly unattributed_j: number;
  /** Part of that: what was drawn whoever ran. */
  readonly shared_j: number;
}

/** Whose energy is looked for in measurements. */
export interface Subject {
  /** What it used in the interval; called for each, one after the other. */
  usedIn(measurement: Measurement): Used;
  /** Its processes so far. */
  readonly size: number;
}

/** A family as it grows, with the forks of each measurement. */
export function subjectOf(family: Descendants): Subject {
  return {
    usedIn({ charges, lifecycle }) {
      family.follow(lifecycle);
      return sumUsed(charges.processes.filter(({ pid, startNs }) => family.has(pid, startNs)));
    },
    get size() {
      return family.size;
    },
  };
}

/** Often enough that the ring of forks and exits never fills: it holds 100,000. */
export const DRAIN_MS = 1000;
/** What a measurement could not take, the next one takes: so often the last one is tried, so far apart, ms. */
const LAST_TRIES = 5;
const LAST_TRY_MS = 200;

const NEVER_MOVED = 'no counter has moved meanwhile: see joules doctor';

/** Adds up what a subject uses, from when it is made with a measurement on. */
export class Tally {
  readonly #meter: Pick<Meter, 'measure'>;
  readonly #subject: Subject;
  readonly #source: Snapshot['source'];
  readonly #attributions = new Set<Attribution | null>();
  #own: Used = { joules: 0, uncertainJoules: 0, seconds: 0 };
  #counter = 0;
  #seconds = 0;
  #idle = 0;
  #unattributed = 0;
  #shared = 0;
  /** Whether any counter has told anything. */
  #isKnown = false;
  /** Whether the source tells of anybody how uncertain it is: of who used nothing it cannot be seen. */
  #tellsErrors = false;

  /** `before` ended the interval that is not the subject's. */
  constructor(meter: Pick<Meter, 'measure'>, subject: Subject, before: Measurement) {
    this.#meter = meter;
    this.#subject = subject;
    this.#source = before.snapshot.source;
  }

  /** Joules so far. */
  get joules(): number {
    return this.#own.joules;
  }

  /** Rejects where something cannot be read just now, which costs nothing: the next call covers the time. */
  async add(): Promise<void> {
    const measurement = await this.#meter.measure();
    const { source, interval_s, totals, unattributed, processes, zones } = measurement.snapshot;
    this.#isKnown ||= zones.length > 0;
    this.#attributions.add(source.attribution);
    this.#own = sumUsed([this.#own, this.#subject.usedIn(measurement)]);
    this.#counter += totals.counter_j;
    this.#seconds += interval_s;
    this.#idle += totals.idle_j;
    this.#unattributed += totals.unattributed_j;
    this.#shared += unattributed.shared_j;
    this.#tellsErrors ||= processes.some(({ energy_err_j }) => energy_err_j !== null);
  }

  /** Adds the last interval. Resolves with why nothing is known, if it is not: a 0 would be a figure. */
  async finish(): Promise<string | undefined> {
    for (let tried = 1; ; tried++) {
      try {
        await this.add();
        return this.#isKnown ? undefined : NEVER_MOVED;
      } catch (error) {
        const why = error instanceof EnergyError ? error.message : String(error);
        if (tried === LAST_TRIES) return `its last interval was not measured: ${why}`;
        await new Promise((resolve) => setTimeout(resolve, LAST_TRY_MS));
      }
    }
  }

  /** `elapsed`: seconds that it ran; where it ran before and after, all that was measured. */
  figures(elapsed: number = this.#seconds): Figures {
    const { joules, uncertainJoules, seconds } = this.#own;
    return {
      elapsed_s: elapsed,
      source: { ...this.#source, attribution: leastAttribution(this.#attributions) },
      energy_j: joules,
      energy_err_j: this.#tellsErrors ? uncertainJoules : null,
      cpu_time_s: seconds,
      power_w: joules / elapsed,
      processes: this.#subject.size,
      machine_j: this.#counter,
      machine_s: this.#seconds,
      idle_j: this.#idle,
      unattributed_j: this.#unattributed,
      shared_j: this.#shared,
    };
  }
}
