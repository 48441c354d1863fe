// SPDX-License-Identifier: Apache-2.0
import { leastAttribution } from '../attribution/least.ts';
import { sumUsed, type Used } from '../attribution/used.ts';
import { type Descendants, descendantsOf } from '../identity/descendants.ts';
import type { Measurement, Meter } from '../meter.ts';
import { EnergyError } from '../model/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { Attribution } from '../model/source.ts';
import { serial } from '../util/serial.ts';
import { runCommand } from './run-command.ts';

/** Schema and shape of `joules stat --output`. Joules, seconds, watts. */
export interface Stat {
  readonly schema: 'joules.stat/1';
  readonly command: readonly string[];
  readonly exit_code: number;
  readonly elapsed_s: number;
  readonly source: Snapshot['source'];
  readonly energy_j: number;
  /** Estimated standard deviation of `energy_j`; null where the source gives none. */
  readonly energy_err_j: number | null;
  readonly cpu_time_s: number;
  readonly power_w: number;
  readonly processes: number;
  readonly machine_j: number;
  readonly idle_j: number;
  readonly unattributed_j: number;
  /** Part of that: what was drawn whoever ran. */
  readonly shared_j: number;
}

/** What became of a command: its exit status in any case, and what it used, or why that is not known. */
export type Measured =
  | { readonly exitCode: number; readonly result: Stat }
  | { readonly exitCode: number; readonly result: undefined; readonly why: string };

/** Often enough that the ring of forks and exits never fills: it holds 100,000. */
const DRAIN_MS = 1000;
/** What a measurement could not take, the next one takes: so often the last one is tried, so far apart, ms. */
const LAST_TRIES = 5;
const LAST_TRY_MS = 200;

/**
 * Runs a command, calls `begun`, and adds up what the command and its descendants use. Rejects only if the command
 * could not be started.
 */
export async function measureCommand(
  meter: Meter,
  command: readonly string[],
  begun: () => void,
): Promise<Measured> {
  // From here on: what was used before the command began is not its.
  const { source } = (await meter.measure()).snapshot;
  let own: Used = { joules: 0, uncertainJoules: 0, seconds: 0 };
  const machine = { counter: 0, idle: 0, unattributed: 0, shared: 0 };
  const attributions = new Set<Attribution | null>();
  const family = descendantsOf(meter.ownPid);
  const startedMs = performance.now();
  const exited = runCommand(command);
  begun();
  const inTurn = serial();

  async function add(): Promise<void> {
    const measurement = await meter.measure();
    const { source: its, totals, unattributed } = measurement.snapshot;
    attributions.add(its.attribution);
    own = sumUsed([own, usedBy(family, measurement)]);
    machine.counter += totals.counter_j;
    machine.idle += totals.idle_j;
    machine.unattributed += totals.unattributed_j;
    machine.shared += unattributed.shared_j;
  }

  // A measurement that fails costs nothing: the next one covers its time.
  const timer = setInterval(() => void inTurn(add).catch(() => {}), DRAIN_MS);
  const exitCode = await exited.finally(() => clearInterval(timer));
  const elapsed = (performance.now() - startedMs) / 1000;
  const failure = await inTurn(() => untilItWorks(add));
  if (failure !== undefined) return { exitCode, result: undefined, why: failure };
  const result: Stat = {
    schema: 'joules.stat/1',
    command,
    exit_code: exitCode,
    elapsed_s: elapsed,
    source: { ...source, attribution: leastAttribution(attributions) },
    energy_j: own.joules,
    energy_err_j: own.uncertainJoules,
    cpu_time_s: own.seconds,
    power_w: own.joules / elapsed,
    processes: family.size,
    machine_j: machine.counter,
    idle_j: machine.idle,
    unattributed_j: machine.unattributed,
    shared_j: machine.shared,
  };
  return { exitCode, result };
}

/** Resolves with why it did not work in the end, if it did not. */
async function untilItWorks(work: () => Promise<void>): Promise<string | undefined> {
  for (let tried = 1; ; tried++) {
    try {
      await work();
      return undefined;
    } catch (error) {
      const why = error instanceof EnergyError ? error.message : String(error);
      if (tried === LAST_TRIES) return why;
      await new Promise((resolve) => setTimeout(resolve, LAST_TRY_MS));
    }
  }
}

function usedBy(family: Descendants, { charges, lifecycle }: Measurement): Used {
  family.follow(lifecycle);
  return sumUsed(charges.processes.filter(({ pid, startNs }) => family.has(pid, startNs)));
}
