// SPDX-License-Identifier: Apache-2.0

/** The longest that work holds up the event loop at a time, ms. */
const SLICE_MS = 2;

/** Takes the steps of `work` to its end, and lets the event loop have its turn between them. */
export async function inSlices<Result>(work: Iterator<unknown, Result>): Promise<Result> {
  for (;;) {
    // Before the first as well: what follows another such work would otherwise lengthen its last slice.
    await new Promise(setImmediate);
    const end = performance.now() + SLICE_MS;
    do {
      const step = work.next();
      if (step.done) return step.value;
    } while (performance.now() < end);
  }
}

/** Items between two looks at the clock. */
const STEP_ITEMS = 16;

/** Visits the numbers below `count` in steps. */
export function* stepping(count: number, visit: (index: number) => void): Generator<void, void> {
  for (let index = 0; index < count; index++) {
    visit(index);
    if ((index + 1) % STEP_ITEMS === 0) yield;
  }
}

/** `list.forEach(visit)` in steps of so many items, by default of such as take some ten µs each. */
export function* each<Item>(
  list: Iterable<Item>,
  visit: (item: Item, index: number) => void,
  items: number = STEP_ITEMS,
): Generator<void, void> {
  let index = 0;
  for (const item of list) {
    visit(item, index);
    if (++index % items === 0) yield;
  }
}

/** `list.forEach(visit)` in slices. */
export function eachInSlices<Item>(list: Iterable<Item>, visit: (item: Item) => void): Promise<void> {
  return inSlices(each(list, visit));
}

/** The same work at once. */
export function atOnce<Result>(work: Iterator<unknown, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
