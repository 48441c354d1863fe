// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { follow, type Problem } from '../attach/client.ts';
import { ALL_SOCKET } from '../attach/protocol.ts';
import type { Measurement } from '../meter.ts';
import { EnergyError, usageError } from '../model/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { checkSnapshot } from '../recording/parse.ts';
import { COMMAND } from '../settings/table.ts';
import type { CommandOptions } from '../settings/types.ts';
import { attempt } from '../util/files.ts';
import { complain } from './print.ts';

/** What the agent measures, as a meter of our own would. */
export interface Attached extends AsyncIterable<Snapshot>, AsyncDisposable {
  /** All since it was called last, up to the end of the interval that it is called in. Rejects where some is not known. */
  measure(): Promise<Measurement>;
  close(): Promise<void>;
}

/** Intervals that wait for a table that is slow: it shows the last ones. */
const MOST_WAITING = 600;

/**
 * Asks the agent for each interval of the machine. Rejects with what is in the way of that, exit status 3. `log` takes what
 * goes wrong later, once each.
 */
export async function attachTo(
  own: CommandOptions,
  log: (line: string) => void = complain,
): Promise<Attached> {
  const directory = own.socketDirectory ?? COMMAND.socketDirectory.fallback!;
  if (directory === 'none')
    throw usageError('--attach needs the sockets of an agent: leave out --socket-dir none');
  const intervals = new Intervals(join(directory, ALL_SOCKET), log);
  await intervals.begun();
  return intervals;
}

class Intervals implements Attached {
  readonly #log: (line: string) => void;
  readonly #following: ReturnType<typeof follow>;
  #waiting: Snapshot[] = [];
  /** Calls back when there is another interval, or none will come. */
  #wake: () => void = () => {};
  #hasBegun = false;
  #problem: EnergyError | undefined;
  #closed = false;
  #agent: string | undefined;
  #seq = 0;
  /** Whether some were missed: then it is not known what was used, and never will be. */
  #isBroken = false;

  constructor(path: string, log: (line: string) => void) {
    this.#log = log;
    this.#following = follow({
      path,
      scope: 'all',
      keepsAlive: true,
      onInterval: ({ seq, snapshot }, { agent }) => {
        const known = attempt(() => checkSnapshot(snapshot));
        if (!known)
          return this.#fail({
            code: 'version_unknown',
            message: `${path} tells no snapshots: use its version`,
          });
        this.#isBroken ||= this.#agent !== undefined && (this.#agent !== agent.id || seq !== this.#seq + 1);
        this.#agent = agent.id;
        this.#seq = seq;
        this.#waiting.push(known);
        if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
        this.#hasBegun = true;
        return this.#wake();
      },
      onProblem: (problem) => this.#fail(problem),
    });
  }

  /** Resolves with the first interval; rejects with what goes wrong before. */
  async begun(): Promise<void> {
    while (!this.#hasBegun && !this.#problem) await this.#woken();
    if (this.#hasBegun) return;
    await this.close();
    throw this.#problem!;
  }

  async measure(): Promise<Measurement> {
    const last = this.#waiting.at(-1);
    while (this.#waiting.at(-1) === last && !this.#isBroken && !this.#closed) await this.#woken();
    const taken = this.#waiting.splice(0);
    if (this.#isBroken) throw new EnergyError('EMISSED', 'intervals of the agent were missed');
    if (taken.length === 0) throw new EnergyError('ECLOSED', 'it was closed');
    // Targets by their cgroups look at nothing else of a measurement.
    return { snapshot: together(taken) } as Measurement;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Snapshot, void> {
    while (!this.#closed) {
      const next = this.#waiting.shift();
      if (next) yield next;
      else await this.#woken();
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#following.close();
    this.#wake();
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #fail({ code, message }: Problem): void {
    if (this.#hasBegun) this.#log(message);
    else this.#problem = new EnergyError(`E${code.toUpperCase()}`, message);
    this.#isBroken ||= this.#hasBegun;
    this.#wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

/** Intervals that follow one another as one, with a row for each process and cgroup in each. */
function together(snapshots: readonly Snapshot[]): Snapshot {
  return snapshots.reduce((all, one) => ({
    ...one,
    interval_s: all.interval_s + one.interval_s,
    totals: {
      counter_j: all.totals.counter_j + one.totals.counter_j,
      process_j: all.totals.process_j + one.totals.process_j,
      idle_j: all.totals.idle_j + one.totals.idle_j,
      unattributed_j: all.totals.unattributed_j + one.totals.unattributed_j,
    },
    unattributed: {
      gap_j: all.unattributed.gap_j + one.unattributed.gap_j,
      lost_j: all.unattributed.lost_j + one.unattributed.lost_j,
      shared_j: all.unattributed.shared_j + one.unattributed.shared_j,
    },
    processes: [...all.processes, ...one.processes],
    cgroups: [...all.cgroups, ...one.cgroups],
  }));
}
