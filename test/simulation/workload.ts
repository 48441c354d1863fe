// SPDX-License-Identifier: Apache-2.0
import { createRandom, hashName, type Random } from './random.ts';

/** Nanoseconds. */
export const US = 1e3;
export const MS = 1e6;
export const SEC = 1e9;

/** What a CPU runs when it runs nothing. */
export const IDLE = 0;

/** What a task draws. */
export interface Profile {
  /** Dynamic power at the nominal frequency, alone on its core, W. */
  readonly powerW: number;
  /** How much of the core it keeps busy, 0 to 1: two tasks on one core slow each other down by half the product. */
  readonly contention: number;
  /** Power changes by up to this part, up or down, from phase to phase. */
  readonly swing: number;
  readonly phaseMs: number;
}

export interface TaskModel extends Profile {
  readonly comm: string;
  readonly cgroup: number;
}

export const PROFILES = {
  spin: { powerW: 0.6, contention: 0.2, swing: 0.02, phaseMs: 100 },
  scalar: { powerW: 1.0, contention: 0.84, swing: 0.08, phaseMs: 40 },
  kernel: { powerW: 1.2, contention: 0.6, swing: 0.15, phaseMs: 20 },
  jit: { powerW: 1.6, contention: 0.75, swing: 0.2, phaseMs: 15 },
  memory: { powerW: 2.0, contention: 0.4, swing: 0.1, phaseMs: 30 },
  crypto: { powerW: 2.8, contention: 0.8, swing: 0.05, phaseMs: 50 },
  avx: { powerW: 4.0, contention: 0.84, swing: 0.08, phaseMs: 60 },
} as const satisfies Record<string, Profile>;

export type ProfileName = keyof typeof PROFILES;

/** How the cores' frequency is chosen: always nominal, at random or by how busy a core is. */
export type Governor = 'fixed' | 'random' | 'utilisation';

/** What is wrong with the energy counters. */
export interface CounterQuality {
  readonly periodNs: number;
  /** A core's period differs from `periodNs` by up to this part. */
  readonly drift: number;
  /** Standard deviation of the time of an update. */
  readonly jitterNs: number;
  /** Part of the updates that do not happen. */
  readonly missed: number;
  /** How old a value is when it appears. */
  readonly lagNs: number;
}

/** What a CPU does: from `startNs[i]` on it runs `task[i]`, while the scheduler believes that it runs `seen[i]`. */
export interface Timeline {
  readonly startNs: readonly number[];
  readonly task: readonly number[];
  readonly seen: readonly number[];
}

/** What the machine does. CPUs 2n and 2n + 1 are the threads of core n; task 0 is idle. */
export interface Workload {
  readonly name: string;
  readonly cores: number;
  readonly durationNs: number;
  /** Between two timer ticks of a busy CPU. */
  readonly tickNs: number;
  readonly governor: Governor;
  readonly counter: CounterQuality;
  readonly tasks: readonly TaskModel[];
  readonly cpus: readonly Timeline[];
}

/** A counter updated every millisecond, as AMD's are, at a time that is 20 us uncertain. */
export const GOOD_COUNTER: CounterQuality = {
  periodNs: MS,
  drift: 1e-3,
  jitterNs: 20 * US,
  missed: 0,
  lagNs: 0,
};

export interface WorkloadOptions {
  readonly name: string;
  readonly seed: number;
  readonly cores: number;
  readonly durationNs: number;
  readonly tickNs?: number;
  readonly governor?: Governor;
  readonly counter?: CounterQuality;
}

/** A workload that is being written: each CPU has its own clock, which moves on as things are run on it. */
export interface Draft {
  readonly random: Random;
  readonly cpus: readonly number[];
  readonly durationNs: number;
  /** Makes a task, which needs not run at once. */
  task(
    comm: string,
    profile: ProfileName,
    cgroup: number,
    changes?: Partial<Profile> & { factor?: number },
  ): number;
  /** Appends to what a CPU does; `seen` is for work the scheduler does not know of, as interrupts. */
  run(cpu: number, task: number, ns: number, seen?: number): void;
  idleUntil(cpu: number, timeNs: number): void;
  nowNs(cpu: number): number;
  /** Whether a CPU's time is over. */
  done(cpu: number): boolean;
  finish(): Workload;
}

const IDLE_TASK: TaskModel = { comm: 'swapper', cgroup: 0, powerW: 0, contention: 0, swing: 0, phaseMs: 1 };

export function draft(options: WorkloadOptions): Draft {
  const { name, seed, cores, durationNs } = options;
  const tasks: TaskModel[] = [IDLE_TASK];
  const cpus = Array.from({ length: 2 * cores }, (_, cpu) => cpu);
  const nows = cpus.map(() => 0);
  const timelines = cpus.map(() => ({ startNs: [] as number[], task: [] as number[], seen: [] as number[] }));

  const run = (cpu: number, task: number, ns: number, seen: number = task): void => {
    const now = nows[cpu]!;
    if (!(ns > 0) || now >= durationNs) return;
    const timeline = timelines[cpu]!;
    if (timeline.task.at(-1) !== task || timeline.seen.at(-1) !== seen) {
      timeline.startNs.push(now);
      timeline.task.push(task);
      timeline.seen.push(seen);
    }
    nows[cpu] = now + Math.max(1, Math.round(ns));
  };
  const idleUntil = (cpu: number, timeNs: number): void => run(cpu, IDLE, timeNs - nows[cpu]!);
  return {
    random: createRandom(seed * 7919 + hashName(name)),
    cpus,
    durationNs,
    task(comm, profile, cgroup, { factor = 1, ...changes } = {}) {
      const model = { ...PROFILES[profile], ...changes, comm, cgroup };
      tasks.push({ ...model, powerW: model.powerW * factor });
      return tasks.length - 1;
    },
    run,
    idleUntil,
    nowNs: (cpu) => nows[cpu]!,
    done: (cpu) => nows[cpu]! >= durationNs,
    finish() {
      for (const cpu of cpus) idleUntil(cpu, durationNs);
      return {
        name,
        cores,
        durationNs,
        tickNs: options.tickNs ?? 4 * MS,
        governor: options.governor ?? 'fixed',
        counter: options.counter ?? GOOD_COUNTER,
        tasks,
        cpus: timelines,
      };
    },
  };
}
