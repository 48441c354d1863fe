// SPDX-License-Identifier: Apache-2.0
import { draft, IDLE, MS, type Draft, type ProfileName, SEC, US, type Workload } from './workload.ts';

interface Binary {
  readonly comm: string;
  readonly profile: ProfileName;
  readonly factor: number;
}

interface Job {
  readonly task: number;
  leftNs: number;
}

/** A new process of one of the binaries; no two of the same binary draw quite the same. */
function fork(work: Draft, binaries: readonly Binary[], lifeNs: readonly [number, number]): Job {
  const { random } = work;
  const binary = random.pick(binaries);
  const { comm, profile } = binary;
  const factor = binary.factor * Math.exp(0.12 * random.normal());
  const task = work.task(comm, profile, 1 + binaries.indexOf(binary), { factor });
  return { task, leftNs: random.logUniform(...lifeNs) };
}

/** Runs the jobs of a CPU in turn, taking out those that end, until none is left or the time has come. */
function roundRobin(
  work: Draft,
  on: { cpu: number; jobs: Job[]; untilNs: number; sliceNs: () => number },
): void {
  const { cpu, jobs, untilNs, sliceNs } = on;
  let next = 0;
  while (!work.done(cpu) && work.nowNs(cpu) < untilNs && jobs.length > 0) {
    if (next >= jobs.length) next = 0;
    const job = jobs[next]!;
    const ns = Math.min(sliceNs(), job.leftNs);
    work.run(cpu, job.task, ns);
    job.leftNs -= ns;
    if (job.leftNs <= 0) jobs.splice(next, 1);
    else next++;
  }
}

const COMPILERS: readonly Binary[] = [
  { comm: 'as', profile: 'jit', factor: 0.8 },
  { comm: 'cc1', profile: 'crypto', factor: 1 },
  { comm: 'sh', profile: 'kernel', factor: 0.9 },
  { comm: 'ld', profile: 'memory', factor: 1 },
];

/** A build: 7,000 processes of 1 to 20 ms of four binaries. */
export function storm(seed: number): Workload {
  const work = draft({ name: 'storm', seed, cores: 4, durationNs: 6 * SEC });
  const { random } = work;
  const sliceNs = (): number => random.logUniform(100 * US, 3 * MS);
  const compile = (): Job => fork(work, COMPILERS, [1 * MS, 20 * MS]);
  for (const cpu of work.cpus) {
    const make = work.task(`make${cpu}`, 'scalar', 5);
    const jobs: Job[] = [];
    while (!work.done(cpu)) {
      work.run(cpu, make, random.logUniform(30 * US, 400 * US));
      jobs.push(compile());
      if (random.uniform() < 0.5) jobs.push(compile());
      roundRobin(work, { cpu, jobs, untilNs: work.nowNs(cpu) + random.exponential(6 * MS), sliceNs });
      if (jobs.length > 4) roundRobin(work, { cpu, jobs, untilNs: work.nowNs(cpu) + 15 * MS, sliceNs });
      if (random.uniform() < 0.15) work.run(cpu, IDLE, random.exponential(2 * MS));
    }
  }
  return work.finish();
}

const FILTERS: readonly Binary[] = [
  { comm: 'grep', profile: 'scalar', factor: 1 },
  { comm: 'sed', profile: 'jit', factor: 1 },
  { comm: 'gzip', profile: 'crypto', factor: 1 },
  { comm: 'cat', profile: 'kernel', factor: 1 },
];

/** Shell pipelines: 24,000 processes of 0.2 to 3 ms. */
export function shorts(seed: number): Workload {
  const work = draft({ name: 'shorts', seed, cores: 4, durationNs: 4 * SEC });
  const { random } = work;
  const sliceNs = (): number => random.logUniform(30 * US, 500 * US);
  for (const cpu of work.cpus) {
    const shell = work.task(`bash${cpu}`, 'kernel', 5);
    while (!work.done(cpu)) {
      work.run(cpu, shell, random.logUniform(50 * US, 300 * US));
      const jobs = Array.from({ length: 1 + random.below(3) }, () => fork(work, FILTERS, [200 * US, 3 * MS]));
      roundRobin(work, { cpu, jobs, untilNs: Infinity, sliceNs });
      if (random.uniform() < 0.4) work.run(cpu, IDLE, random.exponential(1 * MS));
    }
  }
  return work.finish();
}
