// SPDX-License-Identifier: Apache-2.0

/**
 * Runs a task when all those that were given before it are over, and resolves or rejects as the task does. A task that
 * fails does not keep the next one from running. Who gives an empty task waits until the queue is empty.
 */
export type Serial = <Result>(task: () => Result | Promise<Result>) => Promise<Result>;

/** Makes a queue whose tasks never overlap. */
export function serial(): Serial {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const done = last.then(task);
    last = done.catch(() => {});
    return done;
  };
}
