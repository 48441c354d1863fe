// SPDX-License-Identifier: Apache-2.0
// What counters grew by, from their samples. Pure.

/**
 * What the samples [[ms, value], …] of one series grew by, as `increase()` counts it but without extrapolating to
 * the edges of a range: the first sample is where counting begins, and what falls has begun again at 0.
 */
export function growthOf(samples) {
  let joules = 0;
  for (let i = 1; i < samples.length; i++) joules += step(samples[i - 1][1], samples[i][1]);
  return joules;
}

/** Of the same value VictoriaMetrics' last digits may differ, and a rounding may be all that tells two of them apart. */
const DIGITS = 1e-9;

function step(before, after) {
  return after < before * (1 - DIGITS) ? after : Math.max(0, after - before);
}

/** Σ growth of series, those for which `accept(labels)` holds. */
export function sumOf(series, accept = () => true) {
  return series.reduce((sum, { labels, samples }) => sum + (accept(labels) ? growthOf(samples) : 0), 0);
}

/** Σ growth by the value of a label, of the series that have it. */
export function sumsBy(series, label) {
  const sums = new Map();
  for (const { labels, samples } of series) {
    const key = labels[label];
    if (key) sums.set(key, (sums.get(key) ?? 0) + growthOf(samples));
  }
  return sums;
}

/** Σ growth by the time of the sample that it ends with, ms. */
export function growthByTime(series) {
  const sums = new Map();
  for (const { samples } of series) {
    for (let i = 1; i < samples.length; i++) {
      const [time, value] = samples[i];
      sums.set(time, (sums.get(time) ?? 0) + step(samples[i - 1][1], value));
    }
  }
  return sums;
}
