// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { spanOf } from '../recording/moment.ts';
import { readRecording, type Span } from '../recording/read.ts';
import { Tape } from '../recording/tape.ts';
import type { CommandOptions } from '../settings/types.ts';
import { complain } from './print.ts';
import { Replay } from './screen/replay.ts';
import { Screen } from './screen/screen.ts';
import type { State } from './screen/state.ts';
import { onStop } from './signals.ts';

type Moments = Pick<CommandOptions, 'from' | 'to'>;

/** The recording that a verb is about. @throws usageError where none is named. */
export function recordingOf(verb: string, [path]: readonly string[]): string {
  if (path === undefined)
    throw usageError(`${verb}: name a recording, as in: joules ${verb} joules.jsonl.br`);
  return path;
}

/** The snapshots of a recording, or of the part of it that options say. */
export async function* recordedSnapshots(path: string, moments: Moments): AsyncGenerator<Snapshot, void> {
  const tape = await Tape.open(path, { complain });
  yield* readRecording(path, { span: spanIn(tape, moments) });
}

/** The part of a recording that options say, all of it where they say nothing. */
export function spanIn({ times }: Tape, { from, to }: Moments): Span {
  const whole = { from: times[0]!, to: times.at(-1)! };
  return spanOf({ ...(from !== undefined && { from }), ...(to !== undefined && { to }) }, whole);
}

/** Plays a recording on a full screen; at its end it waits for what somebody wants to see again. */
export async function replay(path: string, own: CommandOptions, state: State): Promise<number> {
  const damages: string[] = [];
  const tape = await Tape.open(path, { complain: (line) => damages.push(line) });
  const { from, to } = spanIn(tape, own);
  const first = tape.indexAt(from);
  const last = Math.max(
    first,
    tape.times.findLastIndex((time) => time <= to),
  );
  const { promise: left, resolve: quit, reject: failed } = withResolvers();
  let count = own.count ?? Infinity;
  let screen: Screen | undefined;
  const player = new Replay({
    tape,
    first,
    last,
    add(snapshot) {
      screen!.add(snapshot);
      if (--count <= 0) quit();
    },
    restart: (snapshots) => screen!.restart(snapshots),
    ended: () => {},
    failed,
  });
  screen = new Screen({ state, quit, limit: own.limit, player });
  const release = onStop(quit);
  try {
    screen.open();
    damages.forEach((line) => screen.tell(line));
    player.start();
    await left;
  } finally {
    player.close();
    screen.close();
    release();
    await tape.close();
  }
  return 0;
}

function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
