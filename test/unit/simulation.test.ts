// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BASELINES, cpuTime, naive, timeWindows } from '../simulation/baselines.ts';
import { type CoreEnergy, type CoreOptions, simulateCore } from '../simulation/core.ts';
import { JOULES_PER_COUNT, readingOf, updatesOf } from '../simulation/counter.ts';
import { writeTrace } from '../simulation/file.ts';
import { judge } from '../simulation/judge.ts';
import { HARDWARE } from '../simulation/physics.ts';
import { SCENARIOS } from '../simulation/scenarios.ts';
import { simulate } from '../simulation/simulate.ts';
import { KIND, packRecords, type Trace, type TraceRecord, unpackRecords } from '../simulation/trace.ts';
import { GOOD_COUNTER, IDLE, MS, SEC, type TaskModel, type Timeline, US } from '../simulation/workload.ts';

const traceOf = (name: string, seed: number): Trace => simulate(SCENARIOS[name]!(seed), seed);
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((a, b) => a + b, 0);

describe('a simulated core', () => {
  const steady = { cgroup: 1, swing: 0, phaseMs: 1 };
  const TASKS: readonly TaskModel[] = [
    { ...steady, comm: 'idle', powerW: 0, contention: 0 },
    { ...steady, comm: 'a', powerW: 2, contention: 0.8 },
    { ...steady, comm: 'b', powerW: 3, contention: 0.5 },
  ];
  const does = (...stints: readonly [startNs: number, task: number][]): Timeline => {
    const task = stints.map(([, id]) => id);
    return { startNs: stints.map(([start]) => start), task, seen: task };
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

  it('runs faster when it was busy, which costs more than it gains', () => {
    const threads = [does([0, 1]), does([0, IDLE])] as const;
    const { sampledJ } = run({ threads, sampledNs: [10 * MS, 20 * MS], governor: 'utilisation' });
    const watts = (speed: number): number => 2 * speed ** 2.4 + 0.5 * (0.5 + 0.5 * speed);
    expect(sampledJ[0]).toBeCloseTo(10e-3 * watts(0.7), 9);
    expect(sampledJ[1]! - sampledJ[0]!).toBeCloseTo(10e-3 * watts(1.3), 9);
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
  const updates = (quality: object) =>
    updatesOf({ ...GOOD_COUNTER, ...quality }, { core: 0, seed: 1, endNs: 10 * SEC });

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

  it('shows old values and misses updates where it is a bad one', () => {
    const { visibleNs, sampledNs } = updates({ lagNs: 100 * US, missed: 0.05 });
    expect(visibleNs[100]! - sampledNs[100]!).toBeCloseTo(100 * US, 3);
    expect(visibleNs.length / updates({}).visibleNs.length).toBeCloseTo(0.95, 2);
  });
});

describe('a trace', () => {
  it.each(Object.keys(SCENARIOS))('of %s is in order and its truth is what was counted', (name) => {
    const trace = traceOf(name, 1);
    const running = Array.from({ length: trace.cpus }, () => IDLE);
    const reading = trace.zones.map(() => 0);
    const kinds = [0, 0, 0, 0, 0];
    let lastNs = 0;
    let faults = 0;
    for (const { timeNs, value, kind, cpu } of unpackRecords(trace.records)) {
      kinds[kind]!++;
      if (timeNs < lastNs) faults++;
      lastNs = timeNs;
      if (kind === KIND.switch) {
        if (value === running[cpu] || !trace.tasks[value] || timeNs < trace.tasks[value].startNs) faults++;
        running[cpu] = value;
      }
      if (kind === KIND.counter) {
        if (value < reading[cpu]!) faults++;
        reading[cpu] = value;
      }
      if (kind === KIND.tick && running[cpu] === IDLE) faults++;
    }
    expect(faults).toBe(0);
    expect(lastNs).toBe(trace.seconds * SEC);
    expect(kinds[KIND.switch]).toBeGreaterThan(10_000);
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
    const directory = mkdtempSync(join(tmpdir(), 'trace-'));
    try {
      const [file, program] = [join(directory, 'server.trace'), join(directory, 'sums')];
      writeTrace(file, trace);
      const include = join(__dirname, '../simulation');
      const options = ['-std=c11', '-Wall', '-Werror', '-I', include, '-x', 'c', '-', '-o', program];
      execFileSync('cc', options, { input: SUMS_C });
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
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

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

  it('tells what idle was charged too much, and what was made up', () => {
    const total = sum(tasksJ) + idleJ;
    const verdict = judge(trace, { tasksJ, idleJ: idleJ + 0.01 * total });
    expect(verdict.misattributed).toBe(0);
    expect(verdict.idle).toBeCloseTo(0.01, 9);
    expect(verdict.residual).toBeCloseTo(0.01, 6);
  });
});

describe('the baselines', () => {
  /** One core, whose counter counts Joules. */
  const toy = (records: readonly TraceRecord[]): Trace => ({
    name: 'toy',
    cpus: 2,
    zones: [[0, 1]],
    joulesPerCount: 1,
    tasks: ['idle', 'a', 'b', 'c'].map((comm, i) => ({ comm, cgroup: i, startNs: 0 })),
    records: packRecords(records),
    seconds: 4000 / SEC,
    truth: { tasksJ: new Float64Array(4), idleJ: 0 },
  });
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
  const end: TraceRecord = { timeNs: 4000, value: 0, kind: KIND.drain, cpu: 0 };
  const inTurn = toy([
    runs(0, 0, 1),
    runs(300, 0, 2),
    counts(1000, 110),
    runs(1100, 0, IDLE),
    counts(3000, 115),
    end,
  ]);
  const together = toy([
    runs(0, 0, 1),
    runs(0, 1, 3),
    runs(400, 0, 2),
    runs(800, 1, IDLE),
    counts(1000, 180),
    runs(1000, 0, IDLE),
    runs(1200, 1, 3),
    end,
  ]);

  it('charge whoever leaves when the counter has advanced, or the idle core', () => {
    expect(naive(inTurn)).toEqual({ tasksJ: Float64Array.of(0, 0, 110, 0), idleJ: 5 });
    expect(naive(together)).toEqual({ tasksJ: Float64Array.of(0, 0, 180, 0), idleJ: 0 });
  });

  it('leave the advance to a busy sibling', () => {
    const sibling = toy([runs(0, 0, 1), counts(1000, 9), runs(1100, 1, 2), runs(1200, 0, IDLE), end]);
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

/** Prints what it finds in a trace. */
const SUMS_C = `
#include "trace.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	FILE *file = argc > 1 ? fopen(argv[1], "rb") : 0;
	struct trace_header header;
	struct trace_zone zone;
	struct trace_task task = {0};
	struct trace_record record;
	uint64_t times = 0, values = 0, cpus = 0, kinds[5] = {0};

	if (!file || fread(&header, sizeof(header), 1, file) != 1 || memcmp(header.magic, TRACE_MAGIC, 8))
		return 1;
	printf("{\\"cpus\\": %u, \\"zones\\": [", header.cpus);
	for (uint32_t i = 0; i < header.zones; i++) {
		if (fread(&zone, sizeof(zone), 1, file) != 1)
			return 2;
		for (int j = 0; j < TRACE_ZONE_CPUS; j++)
			printf("%s%u", j ? ", " : i ? ", [" : "[", zone.cpus[j]);
		printf("]");
	}
	for (uint32_t i = 0; i < header.tasks; i++)
		if (fread(&task, sizeof(task), 1, file) != 1)
			return 3;
	for (uint32_t i = 0; i < header.records; i++) {
		if (fread(&record, sizeof(record), 1, file) != 1 || record.kind > TRACE_DRAIN)
			return 4;
		times += record.time_ns;
		values += record.value;
		cpus += record.cpu;
		kinds[record.kind]++;
	}
	printf("], \\"last\\": [\\"%s\\", %" PRIu64 ", %" PRIu64 "]", task.comm, task.cgroup, task.start_ns);
	printf(", \\"times\\": %" PRIu64 ", \\"values\\": %" PRIu64 ", \\"cpuSum\\": %" PRIu64, times, values, cpus);
	printf(", \\"kinds\\": [%" PRIu64 ", %" PRIu64, kinds[TRACE_SWITCH], kinds[TRACE_COUNTER]);
	printf(", %" PRIu64 ", %" PRIu64 "]", kinds[TRACE_TICK], kinds[TRACE_DRAIN]);
	printf(", \\"over\\": %zu}", fread(&record, 1, 1, file));
	return 0;
}
`;
