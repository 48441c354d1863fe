// SPDX-License-Identifier: Apache-2.0

/** How long work holds up the event loop at a time, ms: some more where garbage is collected, or V8 compiles. */
const SLICE_MS = 1;

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

/** Items of a list that are sorted in one step. */
const RUN_ITEMS = 64;

/** `list.toSorted(compare)` in steps: with 10,000 items that takes some ms, and several times as long before it is compiled. */
export function* sorting<Item>(
  list: Iterable<Item>,
  compare: (a: Item, b: Item) => number,
): Generator<void, Item[]> {
  const items = [...list];
  let runs: Item[][] = [];
  for (let at = 0; at < items.length; at += RUN_ITEMS) {
    runs.push(items.slice(at, at + RUN_ITEMS).toSorted(compare));
    yield;
  }
  while (runs.length > 1) {
    const longer: Item[][] = [];
    for (let i = 0; i < runs.length; i += 2)
      longer.push(yield* merging(runs[i]!, runs[i + 1] ?? [], compare));
    runs = longer;
  }
  return runs[0] ?? [];
}

/** Two sorted lists as one. */
function* merging<Item>(
  one: readonly Item[],
  other: readonly Item[],
  compare: (a: Item, b: Item) => number,
): Generator<void, Item[]> {
  const merged: Item[] = [];
  let at = 0;
  for (const item of one) {
    while (at < other.length && compare(other[at]!, item) < 0) merged.push(other[at++]!);
    merged.push(item);
    if (merged.length % RUN_ITEMS === 0) yield;
  }
  for (; at < other.length; at++) merged.push(other[at]!);
  return merged;
}

/** The same work at once. */
export function atOnce<Result>(work: Iterator<unknown, Result>): Result {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
