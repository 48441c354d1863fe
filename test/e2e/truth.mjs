// SPDX-License-Identifier: Apache-2.0
// The agent's own snapshots, which the back ends are held against.

const always = () => true;

/** Adds up the lines of `joules agent --json`. */
export function createTruth() {
  const intervals = [];
  return {
    intervals,
    add(line) {
      const { time, interval_s, totals, processes, cgroups, self } = JSON.parse(line);
      intervals.push({
        end: Date.parse(time),
        seconds: interval_s,
        counted: totals.counter_j,
        used: totals.process_j,
        executables: sums(processes, 'executable'),
        containers: sums(cgroups, 'container_id'),
        series: self.series,
        ended: processes.filter(({ exited }) => exited).length,
      });
    },
    /** Σ of what `pick(interval)` gives, of the intervals that `accept(interval)`. */
    total: (pick, accept = always) => intervals.reduce((sum, one) => sum + (accept(one) ? pick(one) : 0), 0),
    /** Σ by key of `executables` or `containers`, of the intervals that `accept(interval)`. */
    by(kind, accept = always) {
      const all = new Map();
      for (const interval of intervals.filter(accept)) {
        for (const [key, joules] of interval[kind]) all.set(key, (all.get(key) ?? 0) + joules);
      }
      return all;
    },
  };
}

function sums(rows, name) {
  const all = new Map();
  for (const { [name]: key, energy_j } of rows) {
    if (key !== null) all.set(key, (all.get(key) ?? 0) + energy_j);
  }
  return all;
}
