// SPDX-License-Identifier: Apache-2.0
// What a back end cannot have, whoever is to blame: energy between two scrapes is lost with the agent that measured it.

/**
 * A page shows what there was at the scrape before, ms; one that is a second old is shown once more. A push is up to
 * date.
 */
function lagOf({ pushed, seconds }) {
  return pushed ? 0 : 2000 * Math.max(seconds, 2);
}

/** From when on a view cannot have seen all until when it has seen what the next agent measured first: [[from, to]], ms. */
function restarts({ agent, truth }, view) {
  const lag = lagOf(view);
  return agent.ends.map(({ at }) => {
    const first = truth.intervals.find(({ end }) => end > at)?.end ?? at;
    return [at - lag - 2000, view.pushed ? first : first + lag];
  });
}

/** Whether a sample was taken while the agent was ended and begun again. */
export function isOfRestart(stage, view, time) {
  return restarts(stage, view).some(([from, to]) => time > from && time <= to + 2000);
}

/**
 * Whether a view need not have seen an interval: it ended after the last scrape but one before the agent ended, or
 * before the first one of what it measured when it was back, or is too near the view's end `to` (ms).
 */
export function mayBeUnseen(stage, view, { end }, to = Infinity) {
  return end > to - lagOf(view) || restarts(stage, view).some(([from, until]) => end > from && end <= until);
}

/** Times of the first and the last sample, ms; 0 instead of the first where it is 0, and so all before it is to come. */
export function spanOf(series) {
  const samples = series.flatMap((one) => [one.samples[0], one.samples.at(-1)]);
  const times = samples.map(([time]) => time);
  return [samples.some(([, value]) => value === 0) ? 0 : Math.min(...times), Math.max(...times)];
}
