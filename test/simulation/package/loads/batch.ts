// SPDX-License-Identifier: Apache-2.0
import { IDLE, MS, SEC, US } from '../../workload.ts';
import type { Load, LoadContext } from '../load.ts';
import { MIX, type Profile, PROFILES, type ProfileName } from '../profiles.ts';
import { createDaemons } from './daemons.ts';

const SLICE_NS = 3 * MS;
const SHIFT_NS = 40 * SEC;

interface BatchOptions {
  readonly profileOf: (executable: number) => ProfileName;
  readonly changes?: Partial<Profile>;
  readonly daemons?: Parameters<typeof createDaemons>[2];
  /** When tasks move to other CPUs again. */
  readonly epochNs: (context: LoadContext) => number;
  /** Part of the CPUs that is active in an epoch. */
  readonly levelOf: (context: LoadContext) => number;
  /** Called at each epoch. */
  readonly begin?: (context: LoadContext, jobs: readonly number[], nowNs: number) => void;
}

/** More tasks than CPUs, in slices of some ms, that wait for input now and then. */
function createBatch(context: LoadContext, options: BatchOptions): Load {
  const { cpus, tasks, random } = context;
  const count = (cpus * 3) >> 1;
  const executables = Math.max(6, Math.min(24, Math.floor(count / 3)));
  const jobs = Array.from({ length: count }, (_, i) => {
    const executable = i % executables;
    const profile = options.profileOf(executable);
    const { changes } = options;
    return tasks.create({
      comm: `prog${executable}`,
      profile,
      cgroup: 1 + (executable % 6),
      ...(changes && { changes }),
    });
  });
  const daemons = createDaemons(context, 7, options.daemons);
  const order = [...jobs];
  random.shuffle(order);
  const waits = new Map(
    jobs.map((job) => [job, random.uniform() < 0.5 ? random.logUniform(0.01, 0.2) : 0.002]),
  );
  const queues = Array.from({ length: cpus }, () => [] as number[]);
  const at = new Int32Array(cpus);
  const waiting = new Uint8Array(cpus);
  let epochEndNs = 0;

  function beginEpoch(nowNs: number): void {
    epochEndNs = nowNs + options.epochNs(context);
    for (let i = 0; i < Math.max(1, count >> 3); i++) {
      const [one, other] = [random.below(count), random.below(count)];
      [order[one], order[other]] = [order[other]!, order[one]!];
    }
    const level = options.levelOf(context);
    const active = Math.max(1, Math.floor(cpus * level));
    for (const queue of queues) queue.length = 0;
    for (let i = 0; i < Math.max(1, Math.floor(count * level)); i++) queues[i % active]!.push(order[i]!);
    options.begin?.(context, jobs, nowNs);
  }

  return (cpu, nowNs) => {
    if (nowNs >= epochEndNs) beginEpoch(nowNs);
    const daemon = daemons.turn(cpu, nowNs);
    if (daemon) return daemon;
    const queue = queues[cpu]!;
    if (queue.length === 0) {
      return { task: IDLE, ns: Math.min(5 * MS, Math.max(20 * US, epochEndNs - nowNs)) };
    }
    if (waiting[cpu]) {
      waiting[cpu] = 0;
      if (queue.length === 1) return { task: IDLE, ns: random.exponential(1 * MS) };
    }
    at[cpu] = (at[cpu]! + 1) % queue.length;
    const task = queue[at[cpu]]!;
    const ns = SLICE_NS * (0.8 + 0.4 * random.uniform());
    if (random.uniform() >= 3 * waits.get(task)!) return { task, ns };
    waiting[cpu] = 1;
    return { task, ns: ns * random.uniform() };
  };
}

const mixed = (executable: number): ProfileName => MIX[executable % MIX.length]!;
const everyTenth = (): number => 100 * MS;
const all = (): number => 1;

/** Programs of all kinds, several processes of each; they change CPUs every tenth of a second. */
export function batch(context: LoadContext): Load {
  return createBatch(context, { profileOf: mixed, epochNs: everyTenth, levelOf: all });
}

/** The same of programs that all draw the same: time tells everything. */
export function homog(context: LoadContext): Load {
  return createBatch(context, {
    profileOf: () => 'jit',
    changes: { swing: 0.08 },
    daemons: { profile: 'jit', changes: { swing: 0.08 } },
    epochNs: everyTenth,
    levelOf: all,
  });
}

/** Of the CPUs 10 to 100 % are active, so that frequency and voltage change; half of the tasks wait for memory. */
export function turbo(context: LoadContext): Load {
  return createBatch(context, {
    profileOf: (executable) => (executable % 2 === 1 ? 'memory' : mixed(executable)),
    epochNs: ({ random }) => random.logUniform(50 * MS, 400 * MS),
    levelOf: ({ random }) => 0.1 + 0.9 * random.uniform(),
  });
}

/** Batch in which half of the processes take to something else every 40 s. */
export function shift(context: LoadContext): Load {
  let shifts = 0;
  return createBatch(context, {
    profileOf: mixed,
    epochNs: everyTenth,
    levelOf: all,
    begin({ tasks, random }, jobs, nowNs) {
      if (Math.floor(nowNs / SHIFT_NS) <= shifts) return;
      shifts = Math.floor(nowNs / SHIFT_NS);
      for (const job of jobs) {
        if (random.uniform() < 0.5) tasks.all[job]!.profile = PROFILES[random.pick(MIX)];
      }
    },
  });
}
