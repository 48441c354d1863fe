// SPDX-License-Identifier: Apache-2.0
import { constants } from 'node:os';
import type { Meter } from '../meter.ts';
import { EXIT_UNABLE } from '../model/errors.ts';
import { measureCommand } from './measure-command.ts';
import type { Figures } from './tally.ts';

/** What is run how often. */
export interface Plan {
  readonly commands: readonly (readonly string[])[];
  readonly times: number;
  readonly warmUp: number;
}

/** One run that has ended. */
export interface Run {
  /** Index of the command. */
  readonly command: number;
  /** From 1 on, those to warm up included. */
  readonly number: number;
  /** Of how many. */
  readonly of: number;
  readonly counts: boolean;
  readonly figures: Figures;
}

/** The runs that count in their order, or with what status and why there are none. */
export type Series =
  | { readonly runs: readonly Run[] }
  | { readonly runs: undefined; readonly exitCode: number; readonly why: string };

/**
 * Runs commands in turns, forward and back: A B B A A B B A. So a machine that gets warmer, or busier, is not to the
 * disadvantage of the one that is run last. The first run that fails ends it: what a command used that did not do its work
 * compares with nothing.
 */
export async function runSeries(
  meter: Meter,
  { commands, times, warmUp }: Plan,
  on: { readonly lastBegun: () => void; readonly ended: (run: Run) => void },
): Promise<Series> {
  const of = (warmUp + times) * commands.length;
  const runs: Run[] = [];
  let number = 0;
  for (let round = 0; round < warmUp + times; round++) {
    for (const command of inTurn(commands.length, round)) {
      number++;
      const begun = number === of ? on.lastBegun : () => {};
      const { exitCode, interrupted, ...measured } = await measureCommand(meter, commands[command]!, begun);
      const stopped = (code: number, how: string): Series => ({
        runs: undefined,
        exitCode: code,
        why: `run ${number} of ${of}${round < warmUp ? ' (warm-up)' : ''} ${how}`,
      });
      if (interrupted) {
        return stopped(exitCode || 128 + constants.signals[interrupted], `was interrupted by ${interrupted}`);
      }
      if (exitCode !== 0) return stopped(exitCode, failure(commands[command]!, exitCode));
      if (measured.result === undefined) return stopped(EXIT_UNABLE, `has no figures: ${measured.why}`);
      const run: Run = { command, number, of, counts: round >= warmUp, figures: measured.result };
      if (run.counts) runs.push(run);
      on.ended(run);
    }
  }
  return { runs };
}

function inTurn(commands: number, round: number): readonly number[] {
  const forward = Array.from({ length: commands }, (_, i) => i);
  return round % 2 === 0 ? forward : forward.toReversed();
}

function failure(command: readonly string[], status: number): string {
  const how = status > 128 ? `was ended by signal ${status - 128}` : `ended with status ${status}`;
  return `('${command.join(' ')}') ${how}: only runs that end with 0 are compared; if it did its work all the same, use sh -c '… || true'`;
}
