// SPDX-License-Identifier: Apache-2.0
import { replayProgram } from './program.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';
import { KIND, type Trace, unpackRecords } from './trace.ts';
import { IDLE } from './workload.ts';

// More than sets, so that some share one.
const LABELS = 200;

describe('rows with labels', () => {
  // Two threads of a core; dozens of labels in a window; hundreds of tasks; more tasks than tables have rows, so that some are moved out.
  it.each(['smt', 'pingpong', 'many', 'shorts'])(
    'are apart in %s, and add up to what was counted',
    (name) => {
      const trace = simulate(SCENARIOS[name]!(1), 1);
      const plain = replayProgram(trace);
      const labelled = replayProgram(trace, { labels: LABELS });

      expect(labelled.labels.map(({ timeNs }) => timeNs)).toEqual(timeByLabel(trace));
      expect(labelled.tasks.map(({ timeNs }) => timeNs)).toEqual(plain.tasks.map(({ timeNs }) => timeNs));
      expect(sum(labelled.labels)).toBe(labelled.counted);
      expect(sum(labelled.tasks)).toBe(labelled.counted);
      expect(labelled.counted + labelled.unpriced).toBe(plain.counted + plain.unpriced);
      expect(plain.labels).toHaveLength(1);
    },
  );
});

/** Run time by label, ns: a task's label goes up by one each time that it begins to run, and idle has none. */
function timeByLabel(trace: Trace): bigint[] {
  const time = Array.from({ length: LABELS + 1 }, () => 0n);
  const runs = new Map<number, number>();
  const cpus = Array.from({ length: trace.cpus }, () => ({ label: 0, since: -1 }));
  for (const { timeNs, value, kind, cpu } of unpackRecords(trace.records)) {
    for (const [at, run] of cpus.entries()) {
      if (kind === KIND.drain ? run.since < 0 : kind !== KIND.switch || at !== cpu) continue;
      if (run.since >= 0) time[run.label]! += BigInt(timeNs - run.since);
      run.since = timeNs;
    }
    if (kind !== KIND.switch) continue;
    const before = runs.get(value) ?? 0;
    runs.set(value, before + 1);
    cpus[cpu]!.label = value === IDLE ? 0 : 1 + (before % LABELS);
  }
  return time;
}

function sum(rows: readonly { readonly energy: bigint }[]): bigint {
  return rows.reduce((total, { energy }) => total + energy, 0n);
}
