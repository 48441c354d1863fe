// SPDX-License-Identifier: Apache-2.0

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Calls `stop` once at the first SIGINT or SIGTERM. Further ones are ignored until the returned undo is called:
 * timeout(1) and terminals often send two, and a stop takes a bounded time anyway.
 */
export function onStop(stop: (signal: (typeof STOP_SIGNALS)[number]) => void): () => void {
  let called = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (!called) stop(signal as (typeof STOP_SIGNALS)[number]);
    called = true;
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
  };
}

/** By SIGUSR1, which tools send to have logs reopened, Node would let every local user in with a debugger. */
export function ignoreDebugger(): void {
  process.on('SIGUSR1', () => {});
}
