// SPDX-License-Identifier: Apache-2.0

/** The longest that work holds up the event loop at a time, ms. */
const SLICE_MS = 2;

/** Takes the steps of `work` to its end, and lets the event loop have its turn between them. */
export async function inSlices<Result>(work: Iterator<unknown, Result>): Promise<Result> {
  for (;;) {
    const end = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < end);
    await new Promise(setImmediate);
  }
}

/** Items between two looks at the clock. */
const STEP_ITEMS = 16;

/** `list.map(map)` in slices. */
export function mapInSlices<From, To>(list: readonly From[], map: (item: From) => To): Promise<To[]> {
  function* steps(): Generator<void, To[]> {
    const mapped: To[] = [];
    for (const item of list) {
      mapped.push(map(item));
      if (mapped.length % STEP_ITEMS === 0) yield;
    }
    return mapped;
  }
  return inSlices(steps());
}

/** The same work at once. */
export function atOnce<Result>(work: Iterator<unknown, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
