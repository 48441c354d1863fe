// SPDX-License-Identifier: Apache-2.0
import { draft, IDLE, MS, SEC, US, type Workload } from './workload.ts';

/** Three services at a load of a fifth: bursts of short requests, deep sleep between them. */
export function server(seed: number): Workload {
  const work = draft({ name: 'server', seed, cores: 4, durationNs: 10 * SEC, governor: 'utilisation' });
  const { random } = work;
  const services = [
    { comm: 'php', profile: 'jit' },
    { comm: 'redis', profile: 'memory' },
    { comm: 'nginx', profile: 'crypto' },
  ] as const;
  const workers = Array.from({ length: 12 }, (_, i) => {
    const { comm, profile } = services[i % 3]!;
    return work.task(comm, profile, 1 + (i % 3));
  });
  const softirqs = work.task('ksoftirqd', 'kernel', 4);
  for (const cpu of work.cpus) {
    for (let now = 0; now < work.durationNs;) {
      now += random.exponential(2.2 * MS);
      work.idleUntil(cpu, now);
      const requests = 1 + Math.floor(random.exponential(2));
      work.run(cpu, softirqs, random.logUniform(5 * US, 30 * US));
      for (let i = 0; i < requests && !work.done(cpu); i++) {
        work.run(cpu, random.pick(workers), random.logNormal(150 * US, 0.8));
      }
      now = Math.max(now, work.nowNs(cpu));
    }
  }
  return work.finish();
}

/** A machine that does next to nothing: daemons that wake up 10 to 100 times a second. */
export function idle(seed: number): Workload {
  const work = draft({ name: 'idle', seed, cores: 4, durationNs: 20 * SEC, governor: 'utilisation' });
  const { random } = work;
  const kinds = [
    { profile: 'kernel', periodNs: 10 * MS, runNs: 80 * US },
    { profile: 'jit', periodNs: 25 * MS, runNs: 200 * US },
    { profile: 'scalar', periodNs: 100 * MS, runNs: 400 * US },
  ] as const;
  for (const cpu of work.cpus) {
    const daemons = kinds.map(({ profile, periodNs, runNs }, i) => {
      const task = work.task(`daemon${cpu}.${i}`, profile, 1 + i);
      return { task, periodNs, runNs, nextNs: random.exponential(20 * MS) };
    });
    for (;;) {
      const daemon = daemons.reduce((first, other) => (other.nextNs < first.nextNs ? other : first));
      if (daemon.nextNs >= work.durationNs) break;
      work.idleUntil(cpu, daemon.nextNs);
      work.run(cpu, daemon.task, random.logNormal(daemon.runNs, 0.5));
      // Every other one is a strict timer, the rest answer to something.
      const periods = daemon.task % 2 === 0 ? 1 : random.exponential(1);
      daemon.nextNs = Math.max(daemon.nextNs, work.nowNs(cpu)) + daemon.periodNs * periods;
    }
  }
  return work.finish();
}

/** A twelfth of the busy time is spent in interrupts, which sched_switch does not see. */
export function irq(seed: number): Workload {
  const work = draft({ name: 'irq', seed, cores: 4, durationNs: 10 * SEC });
  const { random } = work;
  const interrupts = work.task('irq', 'kernel', 6);
  const profiles = ['scalar', 'avx', 'memory', 'jit', 'crypto'] as const;
  const tasks = profiles.map((profile, i) => work.task(profile, profile, 1 + i));
  for (const cpu of work.cpus) {
    const own = [0, 2, 4].map((i) => tasks[(cpu + i) % tasks.length]!);
    while (!work.done(cpu)) {
      const task = random.uniform() < 0.3 ? IDLE : random.pick(own);
      let leftNs = random.logUniform(50 * US, 3 * MS);
      while (leftNs > 0) {
        const ns = Math.min(leftNs, random.exponential(110 * US));
        work.run(cpu, task, ns);
        leftNs -= ns;
        if (leftNs <= 0) break;
        const interruptNs = random.exponential(9 * US);
        work.run(cpu, interrupts, interruptNs, task);
        leftNs -= interruptNs;
      }
    }
  }
  return work.finish();
}
