// SPDX-License-Identifier: Apache-2.0
// Whether what the back ends have is what the agent measured.
import { readMetric } from './backends.mjs';
import { growthByTime, sumOf, sumsBy } from './growth.mjs';
import { isOfRestart, mayBeUnseen, spanOf } from './unseen.mjs';
import { isOurContainer, isOurProgram } from './workload.mjs';

const TOLERANCE = 0.01;
/** Of increase() where places change hands and scrapes are rare: each series that begins or ends is extrapolated. */
const EXTRAPOLATED = 0.03;
/** Scrapes that a busy machine may miss; a page that cannot be parsed fails every time. */
const MOST_FAILED = 0.05;
/** Between two samples the law holds to the last digits that are written. */
const STEP_TOLERANCE = 1e-4;

/**
 * The law, in one view of one stage: a Joule is in one series of each metric. Judged on growth from raw samples:
 * `increase()` of Prometheus extrapolates each series to the edges of its range by up to half a scrape interval,
 * which of a series of ten samples is 5 %. What it says itself is judged where series are long (`judgeIncrease`).
 */
export async function judgeLaw({ stage, view, span, test }) {
  const read = (metric) => readMetric(view, metric, span);
  const hardware = (await read('hw.energy')).filter(({ labels }) => labels.hw_type === 'cpu');
  const [processes, unattributed, cgroups] = await Promise.all(
    ['process.energy', 'energy.unattributed', 'cgroup.energy'].map(read),
  );
  const [counted, used, nobody, grouped] = [hardware, processes, unattributed, cgroups].map((one) =>
    sumOf(one),
  );
  const name = `${stage.name}, ${view.title}`;
  const closes = compare(used + nobody, counted);
  test(
    `${name}: processes and unattributed grow by what the counters do (${closes.text})`,
    closes.off > TOLERANCE && closes.why,
  );
  const groups = compare(grouped, used);
  test(`${name}: cgroups grow by what processes do (${groups.text})`, groups.off > TOLERANCE && groups.why);
  judgeCounters({ stage, view, hardware, counted, test });
  const worst = worstStep((time) => isOfRestart(stage, view, time), hardware, [
    ...processes,
    ...unattributed,
  ]);
  test(
    `${name}: so they do between any two samples`,
    !(worst <= STEP_TOLERANCE) && `off by ${percent(worst)} of a mean step in the worst`,
  );
  return processes;
}

/** What the counters grew by, as the snapshots have it. */
function judgeCounters({ stage, view, hardware, counted, test }) {
  const [from, to] = spanOf(hardware);
  const measured = (accept) =>
    stage.truth.total(
      ({ counted: joules }) => joules,
      (interval) => interval.end > from && interval.end <= to && accept(interval),
    );
  const all = measured(() => true);
  const seen = measured((interval) => !mayBeUnseen(stage, view, interval, to));
  const most = view.pushed ? 2 * all - seen : all;
  test(
    `${stage.name}, ${view.title}: the counters grow by what the snapshots say (${compare(counted, all).text})`,
    !(counted <= most * (1 + TOLERANCE) && counted >= seen * (1 - TOLERANCE)) &&
      `not within ${seen.toFixed(2)} J, which must have been seen, and that`,
  );
}

/** By executable and by container, as the snapshots have it. */
export async function judgeOwners({ stage, view, span, processes, test, tell }) {
  const containers = await readMetric(view, 'container.energy', span);
  judgeKind('executables', processes, 'process_executable_name', isOurProgram);
  judgeKind('containers', containers, 'container_id', isOurContainer);

  function judgeKind(kind, series, label, accept) {
    const found = sumsBy(series, label);
    const truth = [...stage.truth.by(kind)].filter(([key]) => accept(key));
    const unseen = stage.truth.by(kind, (interval) => mayBeUnseen(stage, view, interval));
    const rows = truth.map(([key, joules]) => {
      const one = compare(found.get(key) ?? 0, joules);
      // What the agent measures last it pushes, but has no line for: there may be more than the snapshots say.
      const excused = found.get(key) > joules && !view.pushed ? 0 : (unseen.get(key) ?? 0) / joules;
      return { key, ...one, excused, excess: one.off - excused };
    });
    const wrong = rows.filter(({ excess }) => excess > TOLERANCE).toSorted((a, b) => b.excess - a.excess);
    // To be looked into.
    const keys = new Set(wrong.map(({ key }) => key));
    stage.keep(`${view.title} ${kind}`, {
      wrong,
      series: series.filter(({ labels }) => keys.has(labels[label])),
    });
    const list = wrong.slice(0, 5).map(({ key, text }) => `${key.slice(0, 20)} ${text}`);
    test(
      `${stage.name}, ${view.title}: ${rows.length} ${kind} are as in the snapshots`,
      (rows.length === 0 && 'there are none') ||
        (wrong.length > 0 && `${wrong.length} are not: ${list.join('; ')}`),
    );
    const [whole, excused] = [rows.filter((row) => row.excused === 0), rows.filter((row) => row.excused > 0)];
    const worst = Math.max(...whole.map(({ off }) => off));
    tell(
      `${kind}: ${excused.length} ran while the agent restarted, of the others the worst is off by ${percent(worst)}`,
    );
  }
}

/** Whether scrapes of the agent succeed, but those while it is not there. */
export async function judgeScrapes({ stage, view, span, test }) {
  const [up] = await view.select('up{job="joules"}', span);
  const since = up.samples.find(([, value]) => value === 1)?.[0];
  const absent = (time) => time < since || isOfRestart(stage, view, time);
  const failed = up.samples.filter(([time, value]) => value !== 1 && !absent(time));
  test(
    `${stage.name}, ${view.title}: ${up.samples.length} scrapes succeed`,
    (since === undefined && 'none does') ||
      (failed.length > MOST_FAILED * up.samples.length && `${failed.length} do not`),
  );
}

/** The same law by the back end's own increase(). */
export async function judgeIncrease({ stage, view, span, test }) {
  const seconds = Math.ceil((span.to - span.from) / 1000);
  const sum = async (metric) => {
    const [row] = await view.query(`sum(increase(${metric}[${seconds}s]))`, span.to);
    return Number(row?.value[1]);
  };
  const process = await sum('process_energy_joules_total');
  const closes = compare(
    process + (await sum('energy_unattributed_joules_total')),
    await sum('hw_energy_joules_total{hw_type="cpu"}'),
  );
  const groups = compare(await sum('cgroup_energy_joules_total'), process);
  for (const [what, { text, off, why }] of Object.entries({
    'processes and unattributed to counters': closes,
    'cgroups to processes': groups,
  })) {
    test(`${stage.name}, ${view.title}: by increase(), ${what} (${text})`, !(off <= EXTRAPOLATED) && why);
  }
}

/** How far two kinds of series grew apart between two samples, at most, as a part of a mean step; restarts are left out. */
function worstStep(isLeftOut, hardware, others) {
  const steps = [...growthByTime(hardware)].filter(([time]) => !isLeftOut(time));
  const attributed = growthByTime(others);
  const mean = steps.reduce((sum, [, joules]) => sum + joules, 0) / steps.length;
  return Math.max(...steps.map(([time, joules]) => Math.abs((attributed.get(time) ?? 0) - joules))) / mean;
}

export function compare(found, truth) {
  const off = Math.abs(found / truth - 1);
  const text = `${found.toFixed(2)} J of ${truth.toFixed(2)} J, ${percent(found / truth - 1)}`;
  return { off: Number.isFinite(off) ? off : Infinity, text, why: `more than ${percent(TOLERANCE)} off` };
}

function percent(part) {
  return `${part >= 0 ? '+' : ''}${(100 * part).toFixed(2)} %`;
}
