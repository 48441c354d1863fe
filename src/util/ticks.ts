// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Yields whenever another `periodMs` are over, from due time to due time: what is done in between does not delay later
 * ones, but for those that were due meanwhile, which are one. Ends at once when `stopped` is aborted.
 */
export async function* ticks(periodMs: number, stopped: AbortSignal): AsyncGenerator<void, void> {
  for (let due = performance.now(); ;) {
    due = Math.max(due + periodMs, performance.now());
    // It rejects for no other reason.
    await sleep(due - performance.now(), undefined, { signal: stopped }).catch(() => {});
    if (stopped.aborted) return;
    yield;
  }
}
