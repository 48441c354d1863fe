// SPDX-License-Identifier: Apache-2.0
import { descendantsOf } from '../identity/descendants.ts';
import type { Meter } from '../meter.ts';
import { serial } from '../util/serial.ts';
import { type Ended, runCommand } from './run-command.ts';
import { DRAIN_MS, type Figures, subjectOf, Tally } from './tally.ts';

/** Schema and shape of `joules stat --output`. */
export interface Stat extends Figures {
  readonly schema: 'joules.stat/1';
  readonly command: readonly string[];
  readonly exit_code: number;
}

/** What became of a command: its exit status in any case, and what it used, or why that is not known. */
export type Measured = Ended &
  ({ readonly result: Stat } | { readonly result: undefined; readonly why: string });

/** To give up privileges may take ms, in which an end would not be seen: what is that short is over before, ms. */
const SHORT_MS = 100;

/**
 * Runs a command, calls `begun` unless it has ended at once, and adds up what the command and its descendants use. Rejects
 * only if the command could not be started.
 */
export async function measureCommand(
  meter: Meter,
  command: readonly string[],
  begun: () => void,
): Promise<Measured> {
  // From here on: what was used before the command began is not its.
  const tally = new Tally(meter, subjectOf(descendantsOf(meter.ownPid)), await meter.measure());
  const startedMs = performance.now();
  const running = runCommand(command);
  const later = setTimeout(begun, SHORT_MS);
  const inTurn = serial();
  // A measurement that fails costs nothing: the next one covers its time.
  const timer = setInterval(() => void inTurn(() => tally.add()).catch(() => {}), DRAIN_MS);
  const ended = await running.finally(() => {
    clearTimeout(later);
    clearInterval(timer);
  });
  const elapsed = (performance.now() - startedMs) / 1000;
  const why = await inTurn(() => tally.finish());
  if (why !== undefined) return { ...ended, result: undefined, why };
  const { exitCode } = ended;
  return {
    ...ended,
    result: { schema: 'joules.stat/1', command, exit_code: exitCode, ...tally.figures(elapsed) },
  };
}
