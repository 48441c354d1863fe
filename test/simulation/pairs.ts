// SPDX-License-Identifier: Apache-2.0
import { draft, GOOD_COUNTER, IDLE, MS, SEC, US, type Workload } from './workload.ts';

/** A light and a heavy task take turns on one thread of a core, far faster than the counter is updated. */
export function slices(seed: number): Workload {
  const work = draft({ name: 'slices', seed, cores: 2, durationNs: 10 * SEC });
  for (const cpu of [0, 2]) {
    const pair = [work.task(`light${cpu}`, 'scalar', 1), work.task(`heavy${cpu}`, 'avx', 2)];
    for (let turn = 0; !work.done(cpu); turn++) {
      work.run(cpu, pair[turn % 2]!, work.random.exponential(100 * US));
    }
  }
  return work.finish();
}

/** Client and server wake each other every 5 us, in fixed proportion, so that no window tells them apart. */
export function pingpong(seed: number): Workload {
  const work = draft({ name: 'pingpong', seed, cores: 2, durationNs: 3 * SEC });
  const { random } = work;
  for (const { cpu, server, clientNs, serverNs } of [
    { cpu: 0, server: 'memory', clientNs: 5 * US, serverNs: 5 * US },
    { cpu: 2, server: 'avx', clientNs: 4 * US, serverNs: 7 * US },
  ] as const) {
    const pair = [
      { task: work.task(`client${cpu}`, 'scalar', 1), ns: clientNs },
      { task: work.task(`server${cpu}`, server, 2), ns: serverNs },
    ];
    const background = work.task(`background${cpu}`, 'jit', 3);
    let backgroundNs = random.exponential(20 * MS);
    for (let turn = 0; !work.done(cpu); turn++) {
      if (work.nowNs(cpu) > backgroundNs) {
        work.run(cpu, background, random.logUniform(200 * US, 3 * MS));
        backgroundNs = work.nowNs(cpu) + random.exponential(20 * MS);
      }
      const { task, ns } = pair[turn % 2]!;
      work.run(cpu, task, ns * Math.max(0.3, 1 + 0.2 * random.normal()));
    }
  }
  return work.finish();
}

/** The same across the two threads of a core, with 3 us in which both run. */
export function ppsmt(seed: number): Workload {
  const work = draft({ name: 'ppsmt', seed, cores: 2, durationNs: 3 * SEC });
  const around = (ns: number): number => ns * Math.max(0.3, 1 + 0.3 * work.random.normal());
  for (const core of [0, 1]) {
    const [first, second] = [2 * core, 2 * core + 1];
    const client = work.task(`client${core}`, 'scalar', 1);
    const server = work.task(`server${core}`, core === 1 ? 'avx' : 'memory', 2);
    for (let now = 0; now < work.durationNs;) {
      const clientNs = around(12 * US);
      const serverNs = around(18 * US);
      work.idleUntil(first, now);
      work.run(first, client, clientNs);
      work.idleUntil(second, now + clientNs - 3 * US);
      work.run(second, server, serverNs);
      now = Math.max(work.nowNs(first), work.nowNs(second) - 1 * US);
    }
  }
  return work.finish();
}

/** Long slices on one thread of each core, a mixture of short ones on the other. */
export function smt(seed: number): Workload {
  const work = draft({ name: 'smt', seed, cores: 4, durationNs: 10 * SEC });
  const { random } = work;
  for (const core of [0, 1, 2, 3]) {
    const [first, second] = [2 * core, 2 * core + 1];
    const long = [work.task(`avx${core}`, 'avx', 1), work.task(`memory${core}`, 'memory', 2)];
    const short = [
      work.task(`scalar${core}`, 'scalar', 3),
      work.task(`jit${core}`, 'jit', 4),
      work.task(`crypto${core}`, 'crypto', 5),
    ];
    for (let turn = 0; !work.done(first); turn++) {
      work.run(first, long[turn % 2]!, random.exponential(10 * MS));
    }
    while (!work.done(second)) {
      if (random.uniform() < 0.2) work.run(second, IDLE, random.logUniform(20 * US, 5 * MS));
      else work.run(second, random.pick(short), random.logUniform(50 * US, 3 * MS));
    }
  }
  return work.finish();
}

/** Timers that fire in step with the counter's updates, which a reader at switches sees aliased. */
export function tick(seed: number): Workload {
  const counter = { ...GOOD_COUNTER, drift: 2e-6, jitterNs: 3 * US };
  const work = draft({ name: 'tick', seed, cores: 4, durationNs: 10 * SEC, tickNs: MS, counter });
  const { random } = work;
  for (const core of [0, 1, 2, 3]) {
    const cpu = 2 * core;
    const everyTick = work.task(`every1ms${core}`, 'avx', 1);
    const everyFourth = work.task(`every4ms${core}`, 'memory', 2);
    const between = core < 2 ? work.task(`background${core}`, 'scalar', 3) : IDLE;
    for (let n = 0; n * MS < work.durationNs; n++) {
      work.run(cpu, between, n * MS - work.nowNs(cpu));
      work.run(cpu, everyTick, 100 * US + random.exponential(20 * US));
      if (n % 4 === 0) work.run(cpu, everyFourth, 250 * US + random.exponential(50 * US));
    }
  }
  return work.finish();
}

/** Two tasks that never sleep share a CPU: they take turns at ticks, and nothing else happens near the counter's updates. */
export function turns(seed: number): Workload {
  const work = draft({ name: 'turns', seed, cores: 2, durationNs: 10 * SEC });
  for (const core of [0, 1]) {
    const cpu = 2 * core;
    const pair = [work.task(`light${core}`, 'spin', 1), work.task(`heavy${core}`, 'avx', 2)];
    const ticks = core === 0 ? 1 : 2;
    for (let turn = 0; !work.done(cpu); turn++) {
      // The scheduler decides in the tick, some microseconds after it.
      work.run(
        cpu,
        pair[turn % 2]!,
        (turn + 1) * ticks * 4 * MS + 8 * US + work.random.exponential(4 * US) - work.nowNs(cpu),
      );
    }
  }
  return work.finish();
}

/** Two tasks that always run at once, one on each thread of a core, and start some milliseconds apart. */
export function twins(seed: number): Workload {
  const work = draft({ name: 'twins', seed, cores: 2, durationNs: 4 * SEC });
  for (const core of [0, 1]) {
    const before = work.task(`before${core}`, 'jit', 1);
    const one = work.task(`one${core}`, 'crypto', 2, { swing: 0 });
    const other = work.task(
      `other${core}`,
      'crypto',
      3,
      core === 1 ? { factor: 1 / 3, swing: 0 } : { swing: 0 },
    );
    work.run(2 * core, before, 500 * MS);
    work.idleUntil(2 * core, (600 + 5 * work.random.uniform()) * MS);
    work.run(2 * core, one, 3 * SEC);
    work.idleUntil(2 * core + 1, (606 + 5 * work.random.uniform()) * MS);
    work.run(2 * core + 1, other, 3 * SEC);
  }
  return work.finish();
}
