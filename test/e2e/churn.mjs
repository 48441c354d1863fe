// SPDX-License-Identifier: Apache-2.0
// How many series a machine makes an hour that does nothing but start and end processes.

/** Series that were there within this time are what the machine has; the rest is churn. */
const SETTLED_MS = 30_000;

/** Of new series those that `accept(labels)`; all of them are told. */
export async function measureChurn(view, span, accept) {
  const series = await view.select('{job="joules"}', span);
  const begins = series.map(({ samples }) => samples[0]?.[0]).filter((time) => time !== undefined);
  const first = begins.reduce((a, b) => Math.min(a, b), Infinity);
  const last = series.reduce((max, { samples }) => Math.max(max, samples.at(-1)?.[0] ?? 0), 0);
  const late = series.filter(({ samples }) => samples[0]?.[0] > first + SETTLED_MS);
  const hours = (last - first - SETTLED_MS) / 3_600_000;
  const churn = late.filter(({ labels }) => accept(labels));
  const examples = churn
    .slice(0, 5)
    .map(({ labels: { job: _job, instance: _instance, ...rest } }) => Object.values(rest).join(' '));
  return { all: series.length, perHour: churn.length / hours, allPerHour: late.length / hours, examples };
}
