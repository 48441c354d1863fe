// SPDX-License-Identifier: Apache-2.0

/** So many edits apart, a word may have been meant. */
const MOST_EDITS = 2;

/** The word that was probably meant: the nearest within two edits that leave more than half of its letters alone. */
export function closest(given: string, words: Iterable<string>): string | undefined {
  let [best, least] = [undefined as string | undefined, Infinity];
  for (const word of words) {
    const edits = editsBetween(given.toLowerCase(), word.toLowerCase());
    const isNear = edits <= Math.min(MOST_EDITS, Math.floor((word.length - 1) / 2));
    if (isNear && edits < least) [best, least] = [word, edits];
  }
  return best;
}

/**
 * Letters to insert, remove, replace or swap with their neighbour (the optimal string alignment distance: Damerau 1964,
 * no letter edited twice).
 */
function editsBetween(a: string, b: string): number {
  // No word of ours is longer, and what is typed may be anything.
  if (Math.abs(a.length - b.length) > MOST_EDITS) return Infinity;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    const above = rows[i - 1]!;
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? rows[i - 2]![j - 2]! + 1 : Infinity;
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (isSame ? 0 : 1), swapped));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

/** The end of a sentence that turns a word down: `: did you mean top?`, or else what there is to do. */
export function meant(given: string, words: Iterable<string>, otherwise: string): string {
  const word = closest(given, words);
  return word === undefined ? otherwise : `: did you mean ${word}?`;
}
