// SPDX-License-Identifier: Apache-2.0
import { simulateCore } from './core.ts';
import { JOULES_PER_COUNT, readingOf, type Updates, updatesOf } from './counter.ts';
import { HARDWARE, type Hardware } from './physics.ts';
import { KIND, packRecords, type Trace, type TraceRecord } from './trace.ts';
import { IDLE, MS, SEC, type Timeline, US, type Workload } from './workload.ts';

/** Joules that each core's counter has counted, by update, and who used them. */
interface Counted {
  readonly updates: Updates;
  readonly readings: readonly number[];
  readonly tasksJ: Float64Array;
}

/** What a meter sees of a workload, and the truth about it. The same seed gives the same bytes. */
export function simulate(workload: Workload, seed: number, hardware: Hardware = HARDWARE): Trace {
  const cores = Array.from({ length: workload.cores }, (_, core) =>
    count(workload, { core, seed, hardware }),
  );
  const tasksJ = new Float64Array(workload.tasks.length);
  for (const core of cores) core.tasksJ.forEach((joules, task) => (tasksJ[task]! += joules));
  const idleJ = tasksJ[IDLE]!;
  tasksJ[IDLE] = 0;
  const starts = startTimes(workload);
  return {
    name: workload.name,
    cpus: workload.cpus.length,
    zones: cores.map((_, core) => [2 * core, 2 * core + 1]),
    joulesPerCount: JOULES_PER_COUNT,
    tasks: workload.tasks.map(({ comm, cgroup }, task) => ({ comm, cgroup, startNs: starts[task]! })),
    records: packRecords(
      merge([
        ...cores.map((core, zone) => counterRecords(core, zone)),
        ...workload.cpus.map((timeline, cpu) => switchRecords(timeline, { cpu, endNs: workload.durationNs })),
        ...workload.cpus.map((timeline, cpu) => tickRecords(workload, timeline, cpu)),
        ...cores.map((_, core) => pollRecords(workload, core)),
        drainRecords(workload.durationNs),
      ]),
    ),
    seconds: workload.durationNs / SEC,
    truth: { tasksJ, idleJ },
  };
}

function count(
  workload: Workload,
  options: { readonly core: number; readonly seed: number; readonly hardware: Hardware },
): Counted {
  const { core } = options;
  const updates = updatesOf(workload.counter, { ...options, endNs: workload.durationNs });
  const { sampledJ, tasksJ } = simulateCore({
    ...options,
    tasks: workload.tasks,
    threads: [workload.cpus[2 * core]!, workload.cpus[2 * core + 1]!],
    governor: workload.governor,
    sampledNs: updates.sampledNs,
  });
  const readings = sampledJ.map(readingOf);
  // The counter has not counted the last part of a unit: so nobody has used it.
  const counted = ((readings.at(-1) ?? 0) * JOULES_PER_COUNT) / (sampledJ.at(-1) ?? 1);
  return { updates, readings, tasksJ: tasksJ.map((joules) => joules * counted) };
}

/** When each task first runs, ns. */
function startTimes({ tasks, cpus }: Workload): readonly number[] {
  const starts = tasks.map(() => Infinity);
  for (const { startNs, task } of cpus) {
    task.forEach((id, i) => (starts[id] = Math.min(starts[id]!, startNs[i]!)));
  }
  // Idle has been there since boot, as has a task that never gets to run.
  return starts.map((start, task) => (task === IDLE || start === Infinity ? 0 : start));
}

function* counterRecords({ updates, readings }: Counted, zone: number): Generator<TraceRecord> {
  const kind = KIND.counter;
  yield { timeNs: 0, value: 0, kind, cpu: zone };
  for (const [i, value] of readings.entries()) {
    yield { timeNs: Math.ceil(updates.visibleNs[i]!), value, kind, cpu: zone };
  }
}

function* switchRecords(
  { startNs, seen }: Timeline,
  on: { readonly cpu: number; readonly endNs: number },
): Generator<TraceRecord> {
  let running = IDLE;
  for (const [i, task] of seen.entries()) {
    if (task === running || startNs[i]! >= on.endNs) continue;
    running = task;
    yield { timeNs: startNs[i]!, value: task, kind: KIND.switch, cpu: on.cpu };
  }
}

/** The tick's interrupt takes 1.5 us until its handler runs, and CPUs take it one after the other. */
function* tickRecords(
  { tickNs, durationNs }: Workload,
  { startNs, seen }: Timeline,
  cpu: number,
): Generator<TraceRecord> {
  let i = 0;
  for (let timeNs = tickNs + 1.5 * US + 50 * cpu; timeNs < durationNs; timeNs += tickNs) {
    while (startNs[i + 1]! <= timeNs) i++;
    if (seen[i] !== IDLE) yield { timeNs, value: 0, kind: KIND.tick, cpu };
  }
}

/** Twice a second the meter may poll a core's counter, every 10 us, for as long as it takes to move. */
function* pollRecords({ cpus, counter, durationNs }: Workload, core: number): Generator<TraceRecord> {
  const cpu = 2 * core;
  const { startNs, seen } = cpus[cpu]!;
  let i = 0;
  for (let fromNs = SEC / 2 + core * 2 * MS; fromNs < durationNs; fromNs += SEC / 2) {
    for (let timeNs = fromNs; timeNs < fromNs + 1.2 * counter.periodNs; timeNs += 10 * US) {
      while (startNs[i + 1]! <= timeNs) i++;
      if (seen[i] !== IDLE) yield { timeNs, value: 0, kind: KIND.poll, cpu };
    }
  }
}

function* drainRecords(durationNs: number): Generator<TraceRecord> {
  for (let timeNs = SEC; timeNs < durationNs; timeNs += SEC) {
    yield { timeNs, value: 0, kind: KIND.drain, cpu: 0 };
  }
  yield { timeNs: durationNs, value: 0, kind: KIND.drain, cpu: 0 };
}

/** All streams as one, by time; what happens at once is in the order of the streams. */
function* merge(streams: readonly Generator<TraceRecord>[]): Generator<TraceRecord> {
  const heads = streams.map((stream) => ({ stream, record: stream.next().value as TraceRecord | undefined }));
  for (;;) {
    let first: (typeof heads)[number] | undefined;
    for (const head of heads) {
      if (head.record && !(first && first.record!.timeNs <= head.record.timeNs)) first = head;
    }
    if (!first) return;
    yield first.record!;
    first.record = first.stream.next().value as TraceRecord | undefined;
  }
}
