// SPDX-License-Identifier: Apache-2.0

export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

const STOP_SIGNALS: readonly StopSignal[] = ['SIGINT', 'SIGTERM'];
/** Those by which what keeps figures ends in good order: a terminal that goes away should cost none. */
export const LASTING: readonly StopSignal[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Calls `stop` once at the first of these signals. Further ones are ignored until the returned undo is called:
 * timeout(1) and terminals often send two, and a stop takes a bounded time anyway.
 */
export function onStop(
  stop: (signal: StopSignal) => void,
  signals: readonly StopSignal[] = STOP_SIGNALS,
): () => void {
  let called = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!called) stop(signal as StopSignal);
    called = true;
  };
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}

/** By SIGUSR1, which tools send to have logs reopened, Node would let every local user in with a debugger. */
export function ignoreDebugger(): void {
  process.on('SIGUSR1', () => {});
}
