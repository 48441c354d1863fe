// SPDX-License-Identifier: Apache-2.0

/**
 * The slope of a line through points of a series in time, with the half width of its 95 % confidence interval. Memory that
 * is in use is much like it was a moment ago, so points tell less than independent ones would: there count as many as the
 * correlation of neighbours leaves.
 */
export function slopeOf(times, values) {
  const count = times.length;
  const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / count;
  const [meanTime, meanValue] = [mean(times), mean(values)];
  const spread = times.reduce((sum, time) => sum + (time - meanTime) ** 2, 0);
  const slope = times.reduce((sum, time, i) => sum + (time - meanTime) * (values[i] - meanValue), 0) / spread;
  const rests = times.map((time, i) => values[i] - meanValue - slope * (time - meanTime));
  const squares = rests.reduce((sum, rest) => sum + rest ** 2, 0);
  if (squares === 0) return { slope, margin: 0 };
  const products = rests.slice(1).reduce((sum, rest, i) => sum + rest * rests[i], 0);
  const correlation = Math.min(0.99, Math.max(0, products / squares));
  const worth = Math.max(3, (count * (1 - correlation)) / (1 + correlation));
  // Each of the fewer points has the same part of the spread.
  const error = Math.sqrt(squares / count / (worth - 2 || 1) / (spread / count));
  return { slope, margin: 1.96 * error };
}
