// SPDX-License-Identifier: Apache-2.0
import { within } from './deadline.ts';

/** Waits for what others answer, and remembers who has not. */
export interface Patience<Key> {
  /**
   * What `work` resolves with. undefined if it is not over in time, or is not begun: because what was begun before for the
   * same `key` is not over yet, or that of as many others as may be waited for. Rejects as `work` does in time.
   */
  ask<Result>(key: Key, work: () => Promise<Result>): Promise<Result | undefined>;
}

/** At most `ms` for each; when `most` keys are silent nobody is asked until one of them has answered. */
export function createPatience<Key>(ms: number, most: number = Infinity): Patience<Key> {
  const silent = new Set<Key>();
  return {
    async ask(key, work) {
      if (silent.has(key) || silent.size >= most) return undefined;
      let isOver = false;
      const answer = work();
      const over = (): void => {
        isOver = true;
        silent.delete(key);
      };
      answer.then(over, over);
      const result = await within(answer, ms);
      if (!isOver) silent.add(key);
      return result;
    },
  };
}
