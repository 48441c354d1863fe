// SPDX-License-Identifier: Apache-2.0
import type { Core } from '../host/cpus.ts';
import { addCounterEvents } from '../model/counter-events.ts';
import { EnergyError } from '../model/errors.ts';
import { joinReadings, type Readings } from '../model/reading.ts';
import type { Counter, EnergySource } from '../model/source.ts';
import type { Collector, Interval } from '../probe/collector.ts';
import { joinColumns } from '../probe/join-columns.ts';
import { serial } from '../util/serial.ts';
import { systemError } from '../util/system-error.ts';
import type { Poller } from './poller.ts';

/** One interval as BPF and user space recorded it. */
export interface Recorded extends Interval {
  readonly readings: Readings;
  readonly cores: readonly Core[];
  /** Measurements before this one that failed, whose time it covers. */
  readonly skipped: number;
}

/** Rows of failed measurements that are kept, some tens of MB: beyond, BPF keeps the sums in tables of its own. */
const MOST_KEPT_ROWS = 250_000;

/** A hypervisor's counter moves once a second, and later where its host is busy. */
const LONGEST_STILL_MS = 3000;

/**
 * Hands out what was recorded, interval after interval. What a measurement that fails had is not lost: the next one
 * has it too, and begins where the failed one began.
 */
export class Intervals {
  readonly #collector: Collector;
  readonly #poller: Poller;
  readonly #cores: () => readonly Core[];
  readonly #inTurn = serial();
  #kept: Omit<Recorded, 'cores' | 'skipped'> | undefined;
  #skipped = 0;
  /** Counters that stood still for so long, or cannot be read, that nobody waits for them until they have moved again. */
  readonly #still = new Set<string>();
  #closed = false;

  constructor(parts: { collector: Collector; poller: Poller; cores: () => readonly Core[] }) {
    this.#collector = parts.collector;
    this.#poller = parts.poller;
    this.#cores = parts.cores;
  }

  /**
   * What `measure` makes of the time since the last call that did not reject, or since counting began. Calls wait for
   * one another. Rejects with an EnergyError where something cannot be read, or `measure` rejects.
   */
  take<Result>(measure: (recorded: Recorded) => Promise<Result>): Promise<Result> {
    return this.#inTurn(async () => {
      try {
        const result = await measure(await this.#record());
        this.#kept = undefined;
        this.#skipped = 0;
        return result;
      } catch (error) {
        this.#skipped++;
        throw asEnergyError(error);
      }
    });
  }

  /** Resolves when all that was to be taken is. */
  close(): Promise<void> {
    this.#closed = true;
    return this.#inTurn(() => {});
  }

  async #record(): Promise<Recorded> {
    if (this.#kept === undefined || this.#kept.columns.rows.cpu.length <= MOST_KEPT_ROWS) {
      await this.#drain();
      await this.#untilMoved();
    }
    return { ...this.#kept!, cores: this.#cores(), skipped: this.#skipped };
  }

  /**
   * A counter that moves more rarely than intervals end, as a hypervisor's does, would show 0 in one and the energy of
   * several in the next: the interval goes on until it has moved.
   */
  async #untilMoved(): Promise<void> {
    const standing = this.#standing();
    for (const id of this.#still) if (!standing.has(id)) this.#still.delete(id);
    const awaited = new Set([...standing].filter((id) => !this.#still.has(id)));
    if (awaited.size === 0) return;
    const endMs = performance.now() + LONGEST_STILL_MS;
    await this.#poller.untilMoved(awaited, () => this.#closed || performance.now() > endMs);
    await this.#drain();
    this.#standing().forEach((id) => this.#still.add(id));
  }

  /**
   * Counters of packages, by their ids, that counted nothing in the interval, or have not moved yet. That of a core may have
   * nothing to count while the core sleeps, and one that a user chose may count anything.
   */
  #standing(): Set<string> {
    const { source, readings } = this.#kept!;
    const counters = source.reader === 'user' && source.scope === 'package' ? source.counters : [];
    const isStanding = ({ id, maxWatts }: Counter): boolean => {
      const reading = readings.get(id);
      const moved = reading === undefined || (reading.kind !== 'unknown' && reading.joules > 0);
      return maxWatts < Infinity && !moved && !reading.broken;
    };
    return new Set(counters.filter(isStanding).map(({ id }) => id));
  }

  async #drain(): Promise<void> {
    const drained = { ...(await this.#collector.drain()), readings: new Map() };
    const kept = this.#kept ? join(this.#kept, drained) : drained;
    this.#kept = kept;
    const { readings, ...events } = await this.#poller.take(polledCounters(kept.source));
    this.#kept = {
      ...kept,
      ...addCounterEvents(kept, events),
      readings: joinReadings(kept.readings, readings),
    };
  }
}

type Kept = Omit<Recorded, 'cores' | 'skipped'>;

function join(earlier: Kept, later: Kept): Kept {
  return {
    ...addCounterEvents(earlier, later),
    columns: joinColumns(earlier.columns, later.columns),
    seconds: earlier.seconds + later.seconds,
    source: later.source,
    readings: joinReadings(earlier.readings, later.readings),
  };
}

/** The counters that user space reads. */
export function polledCounters(source: EnergySource): readonly Counter[] {
  return source.reader === 'user' ? [...source.counters, ...source.auxiliary] : source.auxiliary;
}

function asEnergyError(error: unknown): EnergyError {
  if (error instanceof EnergyError) return error;
  const { syscall, message } = error as NodeJS.ErrnoException;
  if (syscall !== undefined)
    return systemError(`measure: ${syscall}`, error, 'the next measurement tries again');
  return new EnergyError('EMEASURE', `cannot measure: ${message}`, undefined, { cause: error });
}
