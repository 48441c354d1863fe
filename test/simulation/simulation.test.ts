// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type CoreEnergy, type CoreOptions, simulateCore } from './core.ts';
import { JOULES_PER_COUNT, readingOf, type Updates, updatesOf } from './counter.ts';
import { writeTrace } from './file.ts';
import { HARDWARE } from './physics.ts';
import { SCENARIOS } from './scenarios.ts';
import { simulate } from './simulate.ts';
import { KIND, type Trace, unpackRecords } from './trace.ts';
import { GOOD_COUNTER, IDLE, MS, SEC, type TaskModel, type Timeline, US } from './workload.ts';
import { sum } from '../../src/util/sum.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const SUMMARY_C = join(__dirname, 'summary.c');
const traceOf = (name: string, seed: number): Trace => simulate(SCENARIOS[name]!(seed), seed);

describe('a simulated core', () => {
  const steady = { cgroup: 1, swing: 0, phaseMs: 1 };
  const TASKS: readonly TaskModel[] = [
    { ...steady, comm: 'idle', powerW: 0, contention: 0 },
    { ...steady, comm: 'a', powerW: 2, contention: 0.8 },
    { ...steady, comm: 'b', powerW: 3, contention: 0.5 },
  ];
  const does = (...slices: readonly [startNs: number, task: number][]): Timeline => {
    const task = slices.map(([, id]) => id);
    return { startNs: slices.map(([start]) => start), task, seen: task };
  };
  const run = (options: Pick<CoreOptions, 'threads' | 'sampledNs'> & Partial<CoreOptions>): CoreEnergy =>
    simulateCore({
      core: 0,
      seed: 1,
      tasks: TASKS,
      governor: 'fixed',
      hardware: { ...HARDWARE, noise: 0 },
      ...options,
    });

  it('charges a task that is alone with all of the core', () => {
    const { tasksJ } = run({ threads: [does([0, 1]), does([0, IDLE])], sampledNs: [1 * SEC] });
    expect(tasksJ[1]).toBeCloseTo(2 + 0.5, 9);
    expect(sum(tasksJ)).toBeCloseTo(2.5, 9);
  });

  it('lets two tasks slow each other down and share what the core needs anyway', () => {
    const { tasksJ } = run({ threads: [does([0, 1]), does([0, 2])], sampledNs: [1 * SEC] });
    const pace = 1 - (0.8 * 0.5) / 2;
    expect(tasksJ[1]).toBeCloseTo(pace * 2 + 0.25, 9);
    expect(tasksJ[2]).toBeCloseTo(pace * 3 + 0.25, 9);
  });

  it('falls asleep after 150 us, and who wakes it pays for that', () => {
    const { tasksJ } = run({ threads: [does([0, IDLE], [MS, 1]), does([0, IDLE])], sampledNs: [2 * MS] });
    expect(tasksJ[IDLE]).toBeCloseTo(150e-6 * 0.22 + 850e-6 * 0.02, 12);
    expect(tasksJ[1]).toBeCloseTo(30e-6 + 1e-3 * (2 + 0.5), 12);
  });

  it('does not pay for waking up from a sleep too short to be deep', () => {
    const nap = does([0, 1], [MS, IDLE], [MS + 100 * US, 1]);
    const { tasksJ } = run({ threads: [does([0, IDLE]), nap], sampledNs: [2 * MS] });
    expect(tasksJ[IDLE]).toBeCloseTo(100e-6 * 0.22, 12);
    expect(tasksJ[1]).toBeCloseTo(1.9e-3 * (2 + 0.5), 12);
  });

  /** Power in each of the sampled stretches of time, W. */
  const wattsOf = ({ sampledJ }: CoreEnergy, ns: number): number[] =>
    sampledJ.map((joules, i) => ((joules - (sampledJ[i - 1] ?? 0)) / ns) * SEC);
  const every = (ns: number, times: number): number[] =>
    Array.from({ length: times }, (_, i) => (i + 1) * ns);
  const busy = [does([0, 1]), does([0, IDLE])] as const;

  it('runs as fast as it was busy, which costs more than it gains', () => {
    const threads = [does([0, 1], [15 * MS, IDLE], [20 * MS, 1]), does([0, IDLE])] as const;
    const energy = run({ threads, sampledNs: every(5 * MS, 8), governor: 'utilisation' });
    const watts = (speed: number): number => 2 * speed ** 2.4 + 0.5 * (0.5 + 0.5 * speed);
    const asleep = (150e-6 * 0.22 + 4850e-6 * 0.02) / 5e-3;
    const wakeUp = 30e-6 / 5e-3;
    expect(wattsOf(energy, 5 * MS)).toEqual(
      [watts(0.7), watts(0.7), watts(1.3), asleep, watts(1) + wakeUp, watts(1), watts(1.3), watts(1.3)].map(
        (power) => expect.closeTo(power, 9),
      ),
    );
  });

  it('changes its speed every 10 ms where that is random', () => {
    const energy = run({ threads: busy, sampledNs: every(10 * MS, 100), governor: 'random' });
    const watts = wattsOf(energy, 10 * MS);
    expect(new Set(watts.map((power) => power.toFixed(6))).size).toBeGreaterThan(90);
    expect(Math.min(...watts)).toBeGreaterThan(2 * 0.6 ** 2.4 + 0.5 * 0.8);
    expect(Math.max(...watts)).toBeLessThan(2 * 1.3 ** 2.4 + 0.5 * 1.15);
  });

  it('draws what the phases of its task need', () => {
    const tasks = TASKS.map((task) => ({ ...task, swing: 0.5, phaseMs: 5 }));
    const watts = wattsOf(run({ threads: busy, tasks, sampledNs: every(MS, 500) }), MS);
    expect(Math.min(...watts)).toBeGreaterThanOrEqual(0.5 + 2 * 0.5);
    expect(Math.max(...watts)).toBeLessThanOrEqual(0.5 + 2 * 1.5);
    expect(Math.max(...watts) - Math.min(...watts)).toBeGreaterThan(1.8);
    const changes = watts.filter((power, i) => Math.abs(power - (watts[i - 1] ?? 0)) > 1e-9).length;
    // A hundred phases, whose ends fall within a sample.
    expect(changes).toBeGreaterThan(150);
    expect(changes).toBeLessThan(203);
  });

  it('accounts for every Joule, whatever its tasks and their phases', () => {
    const tasks = TASKS.map((task) => ({ ...task, swing: 0.5 }));
    const threads = [does([0, 1], [7 * MS, IDLE], [9 * MS, 2]), does([0, IDLE], [3 * MS, 2])] as const;
    const { sampledJ, tasksJ } = run({ threads, tasks, sampledNs: [5 * MS, 50 * MS], hardware: HARDWARE });
    expect(sum(tasksJ)).toBeCloseTo(sampledJ[1]!, 12);
    expect(sampledJ[0]).toBeLessThan(sampledJ[1]!);
  });
});

describe('a simulated counter', () => {
  const updates = (quality: object, core = 0): Updates =>
    updatesOf({ ...GOOD_COUNTER, ...quality }, { core, seed: 1, endNs: 10 * SEC });

  it('counts whole units of 2^-16 J', () => {
    expect(readingOf(1) * JOULES_PER_COUNT).toBe(1);
    expect(readingOf(1.99 * 2 ** -16) * JOULES_PER_COUNT).toBe(2 ** -16);
  });

  it('is updated about once a millisecond', () => {
    const { visibleNs, sampledNs } = updates({ jitterNs: 0 });
    const gaps = visibleNs.slice(1).map((time, i) => time - visibleNs[i]!);
    expect(Math.min(...gaps)).toBeGreaterThan(0.998 * MS);
    expect(Math.max(...gaps)).toBeLessThan(1.002 * MS);
    expect(visibleNs.at(-1)).toBeGreaterThan(10 * SEC - 1.1 * MS);
    expect(sampledNs).toEqual(visibleNs);
  });

  it('keeps a period of its own on each core', () => {
    const periods = [0, 1, 2, 3].map((core) => {
      const { visibleNs } = updates({ drift: 0.1, jitterNs: 0 }, core);
      return visibleNs[1]! - visibleNs[0]!;
    });
    expect(Math.min(...periods)).toBeGreaterThan(0.9 * MS);
    expect(Math.max(...periods)).toBeLessThan(1.1 * MS);
    expect(new Set(periods.map((period) => (period / MS).toFixed(3))).size).toBe(4);
  });

  it('shows old values and misses updates where it is a bad one', () => {
    const { visibleNs, sampledNs } = updates({ lagNs: 100 * US, missed: 0.05 });
    expect(visibleNs[100]! - sampledNs[100]!).toBeCloseTo(100 * US, 3);
    expect(visibleNs.length / updates({}).visibleNs.length).toBeCloseTo(0.95, 2);
  });
});

/** Scenarios with few switches, and how many there are at least. */
const SWITCHES: Readonly<Record<string, number>> = { turns: 3000, twins: 10 };

describe('a trace', () => {
  it.each(Object.keys(SCENARIOS))('of %s is in order and its truth is what was counted', (name) => {
    const trace = traceOf(name, 1);
    const running = Array.from({ length: trace.cpus }, () => IDLE);
    const reading = trace.zones.map(() => 0);
    const kinds = [0, 0, 0, 0, 0, 0];
    let lastNs = 0;
    let lastKind: number = KIND.counter;
    let faults = 0;
    for (const { timeNs, value, kind, cpu } of unpackRecords(trace.records)) {
      kinds[kind]!++;
      if (timeNs < lastNs) faults++;
      // A counter shows its value to whoever switches at the same time.
      if (timeNs === lastNs && kind === KIND.counter && lastKind !== KIND.counter) faults++;
      lastNs = timeNs;
      lastKind = kind;
      if (kind === KIND.switch) {
        if (value === running[cpu] || !trace.tasks[value] || timeNs < trace.tasks[value].startNs) faults++;
        running[cpu] = value;
      }
      if (kind === KIND.counter) {
        if (value < reading[cpu]!) faults++;
        reading[cpu] = value;
      }
      if ((kind === KIND.tick || kind === KIND.poll) && running[cpu] === IDLE) faults++;
    }
    expect(faults).toBe(0);
    expect(lastNs).toBe(trace.seconds * SEC);
    expect(kinds[KIND.switch]).toBeGreaterThan(SWITCHES[name] ?? 10_000);
    expect(kinds[KIND.tick]).toBeGreaterThan(500);
    expect(kinds[KIND.drain]).toBe(trace.seconds);
    const trueJ = sum(trace.truth.tasksJ) + trace.truth.idleJ;
    expect(trueJ / (sum(reading) * JOULES_PER_COUNT)).toBeCloseTo(1, 9);
  });

  it('is the same for the same seed and another for another', () => {
    const [first, again, other] = [traceOf('storm', 1), traceOf('storm', 1), traceOf('storm', 2)];
    expect(Buffer.compare(first.records, again.records)).toBe(0);
    expect(again.truth).toEqual(first.truth);
    expect(Buffer.compare(first.records, other.records)).not.toBe(0);
  });

  it('read by a C program is what was written', () => {
    const trace = traceOf('server', 1);
    const directory = temporaryDirectory();
    const [file, program] = [join(directory, 'server.trace'), join(directory, 'summary')];
    writeTrace(file, trace);
    execFileSync('cc', ['-std=c11', '-Wall', '-Werror', SUMMARY_C, '-o', program]);
    const records = [...unpackRecords(trace.records)];
    const last = trace.tasks.at(-1)!;
    expect(JSON.parse(execFileSync(program, [file], { encoding: 'utf8' }))).toEqual({
      cpus: trace.cpus,
      zones: trace.zones.map((cpus) => [...cpus, ...Array.from({ length: 6 }, () => 2 ** 32 - 1)]),
      last: [last.comm, last.cgroup, last.startNs],
      times: sum(records.map(({ timeNs }) => timeNs)),
      values: sum(records.map(({ value }) => value)),
      cpuSum: sum(records.map(({ cpu }) => cpu)),
      kinds: Object.values(KIND).map((kind) => records.filter((record) => record.kind === kind).length),
      over: 0,
    });
  });
});
