// SPDX-License-Identifier: Apache-2.0
import { basename, join } from 'node:path';
import { EnergyError } from '../model/errors.ts';
import { within } from '../util/deadline.ts';
import { follow, type Problem } from './client.ts';
import { type OwnInterval, OwnIntervals } from './own-intervals.ts';
import { SELF_SOCKET } from './protocol.ts';

/** What the agent tells an application of itself. */
export interface AgentsReadings {
  /** What went wrong first; undefined: it answers, or it was closed. */
  readonly first: Promise<EnergyError | undefined>;
  /** Resolves when there is anything, or nothing to wait for: what it tells is a second old at most, and needs no asking. */
  update(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Asks the agent's socket in a directory for this process, until it is closed, whatever goes wrong meanwhile. */
export function askAgent(options: {
  readonly directory: string;
  readonly take: (interval: OwnInterval) => void;
  /** Takes what goes wrong after it has answered, of each kind once. */
  readonly onProblem: (error: EnergyError) => void;
}): AgentsReadings {
  const intervals = new OwnIntervals(basename(process.execPath));
  let answered = false;
  let begin: () => void;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  let settle: (problem?: EnergyError) => void;
  const first = new Promise<EnergyError | undefined>((resolve) => (settle = resolve));
  const following = follow({
    path: join(options.directory, SELF_SOCKET),
    scope: 'container',
    onReading(reading, greeting) {
      answered = true;
      settle();
      const interval = intervals.next(reading, greeting);
      if (!interval) return;
      options.take(interval);
      begin();
    },
    onProblem(problem) {
      const error = errorOf(problem);
      if (answered) options.onProblem(error);
      else settle(error);
    },
  });
  return {
    first,
    async update(timeoutMs) {
      await within(
        first.then((problem) => (problem ? undefined : begun)),
        timeoutMs,
      );
    },
    close() {
      following.close();
      settle();
      begin();
      return Promise.resolve();
    },
  };
}

/** `no_socket` becomes `ENO_SOCKET`: codes of errors are in capitals. */
function errorOf({ code, message }: Problem): EnergyError {
  return new EnergyError(`E${code.toUpperCase()}`, message);
}
