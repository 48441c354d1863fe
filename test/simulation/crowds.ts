// SPDX-License-Identifier: Apache-2.0
import {
  type CounterQuality,
  draft,
  GOOD_COUNTER,
  type Governor,
  IDLE,
  MS,
  type Profile,
  type ProfileName,
  SEC,
  US,
  type Workload,
} from './workload.ts';

interface Crowd {
  readonly cores?: number;
  readonly durationNs?: number;
  readonly processes?: number;
  /** Part of the time in which a CPU has nothing to do. */
  readonly idle?: number;
  /** All processes draw the same. */
  readonly same?: ProfileName;
  readonly changes?: Partial<Profile>;
  readonly governor?: Governor;
  readonly counter?: CounterQuality;
}

const ALL = ['scalar', 'avx', 'memory', 'jit', 'crypto', 'kernel', 'spin'] as const;
/** Now and then, processes move to other CPUs. */
const EPOCH_NS = 50 * MS;

/** Draws an item with a probability in proportion to its weight. */
function pickWeighted<T extends { readonly weight: number }>(items: readonly T[], uniform: number): T {
  let left = uniform * items.reduce((sum, { weight }) => sum + weight, 0);
  return items.find(({ weight }) => (left -= weight) <= 0) ?? items.at(-1)!;
}

/** Processes of all kinds, each with slices of its own length (30 us to 4 ms), on all threads of all cores. */
function crowd(name: string, options: Crowd = {}): (seed: number) => Workload {
  const { cores = 4, durationNs = 10 * SEC, processes = 24, idle = 0.25, same, changes, ...rest } = options;
  return (seed) => {
    const work = draft({ name, seed, cores, durationNs, ...rest });
    const { random } = work;
    const members = Array.from({ length: processes }, (_, i) => {
      const factor = same ? 1 : Math.exp(0.25 * random.normal());
      const task = work.task(`p${i}`, same ?? ALL[i % ALL.length]!, 1 + (i % 6), { factor, ...changes });
      return { task, sliceNs: random.logUniform(30 * US, 4 * MS), weight: random.logUniform(0.3, 3) };
    });
    const order = [...members];
    for (let end = EPOCH_NS; end < durationNs + EPOCH_NS; end += EPOCH_NS) {
      if (end === EPOCH_NS || random.uniform() < 0.6) random.shuffle(order);
      for (const cpu of work.cpus) {
        const own = order.filter((_, i) => i % work.cpus.length === cpu);
        while (!work.done(cpu) && work.nowNs(cpu) < end) {
          if (random.uniform() < 0.3) work.run(cpu, IDLE, random.exponential((idle / (1 - idle)) * 1.6 * MS));
          const { task, sliceNs } = pickWeighted(own, random.uniform());
          work.run(cpu, task, sliceNs * Math.exp(0.5 * random.normal()));
        }
      }
    }
    return work.finish();
  };
}

export const mixed = crowd('mixed');
export const freq = crowd('freq', { governor: 'random' });
export const phase = crowd('phase', { changes: { swing: 0.5, phaseMs: 5 } });
export const badctr = crowd('badctr', {
  counter: { ...GOOD_COUNTER, jitterNs: 100 * US, missed: 0.05, lagNs: 100 * US },
});
export const light = crowd('light', { idle: 0.75 });
export const homog = crowd('homog', { same: 'jit' });
/** As `homog`, and none changes what it draws. */
export const alike = crowd('alike', { same: 'crypto', changes: { swing: 0 } });
export const big = crowd('big', { cores: 16, durationNs: 5 * SEC, processes: 96 });

/** More processes in a window than it has places for: 48 per CPU, with slices of 30 us. */
export function many(seed: number): Workload {
  const work = draft({ name: 'many', seed, cores: 2, durationNs: 4 * SEC });
  const { random } = work;
  for (const cpu of work.cpus) {
    const own = Array.from({ length: 48 }, (_, i) => ({
      task: work.task(`many${i % 5}`, ALL[i % 5]!, 1 + (i % 5)),
      weight: 1 / (1 + i * 0.15),
    }));
    while (!work.done(cpu)) {
      const { task } = pickWeighted(own, random.uniform());
      work.run(cpu, task, random.exponential(30 * US) + 2 * US);
      if (random.uniform() < 0.05) work.run(cpu, IDLE, random.exponential(100 * US));
    }
  }
  return work.finish();
}
