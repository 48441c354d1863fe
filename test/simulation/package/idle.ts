// SPDX-License-Identifier: Apache-2.0

/** For how long at least one of the stretches of time, given by their beginnings and ends, lasts. */
export function overlap(from: readonly number[], until: readonly number[]): number {
  const begins = Float64Array.from(from).toSorted();
  const ends = Float64Array.from(until).toSorted();
  let open = 0;
  let since = 0;
  let total = 0;
  for (let begin = 0, end = 0; end < ends.length;) {
    if (begin < begins.length && begins[begin]! <= ends[end]!) {
      if (open++ === 0) since = begins[begin]!;
      begin++;
    } else {
      if (--open === 0) total += ends[end]! - since;
      end++;
    }
  }
  return total;
}
