// SPDX-License-Identifier: Apache-2.0
import { BASELINES, cpuTime, naive, timeWindows } from './baselines.ts';
import { judge } from './judge.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';
import { KIND, packRecords, type Trace, type TraceRecord } from './trace.ts';
import { IDLE, MS, SEC } from './workload.ts';
import { sum } from '../../src/util/sum.ts';

const traceOf = (name: string, seed: number): Trace => simulate(SCENARIOS[name]!(seed), seed);

describe('the judge', () => {
  const trace = traceOf('mixed', 1);
  const { tasksJ, idleJ } = trace.truth;

  it('finds no fault with the truth', () => {
    const verdict = judge(trace, trace.truth);
    expect(verdict).toMatchObject({ misattributed: 0, mean: 0, p95: 0, worst: 0, idle: 0 });
    expect(verdict.residual).toBeCloseTo(0, 9);
  });

  it('counts what one task pays for another twice, and says who was wronged most', () => {
    const wrong = tasksJ.slice();
    wrong[1]! += 0.5 * tasksJ[2]!;
    wrong[2]! -= 0.5 * tasksJ[2]!;
    const verdict = judge(trace, { tasksJ: wrong, idleJ });
    expect(verdict.misattributed).toBeCloseTo(tasksJ[2]! / sum(tasksJ), 9);
    expect(verdict.worst).toBeCloseTo(Math.max(0.5, (0.5 * tasksJ[2]!) / tasksJ[1]!), 9);
    expect(verdict.residual).toBeCloseTo(0, 9);
  });

  it('sorts the errors of tasks', () => {
    const wrong = tasksJ.map((joules, task) => joules * (1 + (task % 2 === 0 ? -1 : 1) * 0.01 * task));
    const verdict = judge(trace, { tasksJ: wrong, idleJ });
    expect(verdict.mean).toBeCloseTo(0.125, 9);
    expect(verdict.p95).toBeCloseTo(0.23, 9);
    expect(verdict.worst).toBeCloseTo(0.24, 9);
  });

  it('tells what idle was charged too much, and what was made up', () => {
    const total = sum(tasksJ) + idleJ;
    const verdict = judge(trace, { tasksJ, idleJ: idleJ + 0.01 * total });
    expect(verdict.misattributed).toBe(0);
    expect(verdict.idle).toBeCloseTo(0.01, 9);
    expect(verdict.residual).toBeCloseTo(0.01, 6);
  });
});

/** A machine of one core, whose counter counts Joules; `a`, `b` and `c` can run. */
function toy(records: readonly TraceRecord[], truth: Partial<Trace['truth']> = {}): Trace {
  return {
    name: 'toy',
    cpus: 2,
    zones: [[0, 1]],
    joulesPerCount: 1,
    tasks: ['idle', 'a', 'b', 'c'].map((comm, task) => {
      const first = records.find(({ kind, value }) => kind === KIND.switch && value === task);
      return { comm, cgroup: task, startNs: first?.timeNs ?? 0 };
    }),
    records: packRecords(records),
    seconds: records.at(-1)!.timeNs / SEC,
    truth: { tasksJ: new Float64Array(4), idleJ: 0, ...truth },
  };
}
const runs = (timeNs: number, cpu: number, value: number): TraceRecord => ({
  timeNs,
  value,
  kind: KIND.switch,
  cpu,
});
const counts = (timeNs: number, value: number): TraceRecord => ({
  timeNs,
  value,
  kind: KIND.counter,
  cpu: 0,
});
const drain = (timeNs: number): TraceRecord => ({ timeNs, value: 0, kind: KIND.drain, cpu: 0 });

describe('the judge of a machine with unusual tasks', () => {
  const trace = toy(
    [counts(0, 0), runs(0, 0, 1), runs(SEC - MS, 0, 2), counts(SEC - MS / 2, 70), drain(SEC)],
    { tasksJ: Float64Array.of(0, 40, 10, 20) },
  );

  it('leaves out who has only just begun, and who never ran as far as the scheduler knows', () => {
    const verdict = judge(trace, { tasksJ: Float64Array.of(0, 50, 0, 20), idleJ: 0 });
    expect(verdict).toEqual({
      misattributed: 0.25,
      mean: 0.25,
      p95: 0.25,
      worst: 0.25,
      idle: 0,
      residual: 0,
    });
  });
});

describe('the baselines', () => {
  const inTurn = toy([
    runs(0, 0, 1),
    runs(300, 0, 2),
    counts(1000, 110),
    runs(1100, 0, IDLE),
    counts(3000, 115),
    drain(4000),
  ]);
  const together = toy([
    runs(0, 0, 1),
    runs(0, 1, 3),
    runs(400, 0, 2),
    runs(800, 1, IDLE),
    counts(1000, 180),
    runs(1000, 0, IDLE),
    runs(1200, 1, 3),
    drain(4000),
  ]);

  it('charge whoever leaves when the counter has advanced, or the idle core', () => {
    expect(naive(inTurn)).toEqual({ tasksJ: Float64Array.of(0, 0, 110, 0), idleJ: 5 });
    expect(naive(together)).toEqual({ tasksJ: Float64Array.of(0, 0, 180, 0), idleJ: 0 });
  });

  it('leave the advance to a busy sibling', () => {
    const sibling = toy([runs(0, 0, 1), counts(1000, 9), runs(1100, 1, 2), runs(1200, 0, IDLE), drain(4000)]);
    expect(naive(sibling).tasksJ[1]).toBe(9);
  });

  it('share out an advance by the time since the last', () => {
    const { tasksJ, idleJ } = timeWindows(inTurn);
    expect([...tasksJ]).toEqual([0, 30, 80, 0].map((joules) => expect.closeTo(joules, 9)));
    expect(idleJ).toBe(5);
  });

  it('share it out over both threads of a core', () => {
    const { tasksJ } = timeWindows(together);
    expect([...tasksJ]).toEqual([0, 40, 60, 80].map((joules) => expect.closeTo(joules, 9)));
  });

  it('let the next task of a thread pay for what has left it before the other thread saw the advance', () => {
    const trace = toy([
      runs(0, 0, 1),
      runs(0, 1, 3),
      counts(500, 100),
      runs(600, 0, IDLE),
      runs(600, 0, 1),
      runs(900, 1, IDLE),
      counts(1000, 190),
      runs(1200, 0, IDLE),
      runs(1500, 1, 2),
      runs(2000, 1, IDLE),
      drain(4000),
    ]);
    expect([...timeWindows(trace).tasksJ]).toEqual(
      [0, 50 + 60, 30, 50].map((joules) => expect.closeTo(joules, 9)),
    );
  });

  it('forget in the second five seconds who ran in the first', () => {
    const trace = toy([
      runs(0, 0, 1),
      runs(SEC, 0, IDLE),
      ...[1, 2, 3, 4].map((second) => drain(second * SEC)),
      counts(4.5 * SEC, 100),
      drain(5 * SEC),
      runs(5.5 * SEC, 0, 2),
      counts(8 * SEC, 150),
      runs(9 * SEC, 0, IDLE),
      drain(10 * SEC),
    ]);
    const { tasksJ, idleJ } = cpuTime(trace);
    expect([...tasksJ]).toEqual([0, 99.9, 49.9, 0].map((joules) => expect.closeTo(joules, 9)));
    expect(idleJ).toBeCloseTo(0.2, 9);
  });

  it('share out five seconds by CPU time, however the counter advanced in them', () => {
    const { tasksJ, idleJ } = cpuTime(inTurn);
    expect([...tasksJ]).toEqual(
      [0, (115 * 3) / 11, (115 * 8) / 11, 0].map((joules) => expect.closeTo(joules, 6)),
    );
    expect(idleJ).toBeCloseTo(4e-6 * 0.02, 12);
  });

  it.each(Object.keys(BASELINES))('charge all that was counted (%s)', (name) => {
    const trace = traceOf('shorts', 1);
    expect(judge(trace, BASELINES[name]!(trace)).residual).toBeCloseTo(0, 9);
  });

  it('are right about tasks that all draw the same, and wrong about others', () => {
    const [same, different] = [traceOf('homog', 1), traceOf('mixed', 1)];
    expect(judge(same, cpuTime(same)).misattributed).toBeLessThan(0.02);
    expect(judge(different, cpuTime(different)).misattributed).toBeGreaterThan(0.2);
    const windows = judge(different, timeWindows(different)).misattributed;
    expect(windows).toBeLessThan(judge(different, cpuTime(different)).misattributed);
    expect(windows).toBeLessThan(judge(different, naive(different)).misattributed);
  });
});
