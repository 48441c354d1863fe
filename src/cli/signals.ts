// SPDX-License-Identifier: Apache-2.0

const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Calls `stop` once at the first SIGINT or SIGTERM; a second one ends the process at once. Returns the undo. */
export function onStop(stop: () => void): () => void {
  const release = (): void => {
    for (const signal of STOP_SIGNALS) process.off(signal, first);
  };
  const first = (): void => {
    release();
    stop();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, first);
  return release;
}
