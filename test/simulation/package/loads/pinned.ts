// SPDX-License-Identifier: Apache-2.0
import { hashUniform } from '../../random.ts';
import { IDLE, MS, US } from '../../workload.ts';
import type { Load, LoadContext } from '../load.ts';
import { MIX } from '../profiles.ts';
import { createDaemons } from './daemons.ts';

/** One task on each CPU, which never waits: only daemons tell them apart. */
export function pinned(context: LoadContext): Load {
  const { cpus, tasks } = context;
  const ranks = Array.from({ length: cpus }, (_, cpu) =>
    tasks.create({ comm: `rank${cpu % 8}`, profile: MIX[cpu % 8]!, cgroup: 1 + (cpu % 8) }),
  );
  const daemons = createDaemons(context, 9);
  return (cpu, nowNs) =>
    daemons.turn(cpu, nowNs) ?? {
      task: ranks[cpu]!,
      ns: Math.min(20 * MS, Math.max(100 * US, daemons.dueNs(cpu) - nowNs)),
    };
}

/** Pairs that always run at once on the threads of a core, in turn with a second pair. */
export function smt(context: LoadContext): Load {
  const { cpus, tasks, random } = context;
  const ranks = Array.from({ length: 2 * cpus }, (_, i) => {
    const [cpu, turn] = [i >> 1, i % 2];
    return tasks.create({
      comm: `p${i % 16}`,
      profile: MIX[(cpu * 3 + turn * 5) % 8]!,
      cgroup: 1 + (cpu % 6),
    });
  });
  const daemons = createDaemons(context, 7);
  return (cpu, nowNs) => {
    const daemon = daemons.turn(cpu, nowNs);
    if (daemon) return daemon;
    const phaseNs = (nowNs + (cpu >> 1) * 1.7 * MS) % (20 * MS);
    const turn = phaseNs < 10 * MS ? 0 : 1;
    if (random.uniform() < 0.1) return { task: IDLE, ns: random.exponential(400 * US) };
    return { task: ranks[2 * cpu + turn]!, ns: Math.max(2 * US, (turn + 1) * 10 * MS - phaseNs) };
  };
}

const STEP_NS = 16 * MS;

/** Ranks of two programs, one after the other between barriers, on all CPUs at once. */
export function lockstep(context: LoadContext): Load {
  const { cpus, tasks } = context;
  const create = (comm: string, profile: 'avx' | 'memory', cgroup: number): number[] =>
    Array.from({ length: cpus }, () => tasks.create({ comm, profile, cgroup }));
  const [solvers, exchanges] = [create('solver', 'avx', 1), create('exchange', 'memory', 2)];
  const daemons = createDaemons(context, 3);
  return (cpu, nowNs) => {
    const daemon = daemons.turn(cpu, nowNs);
    if (daemon) return daemon;
    const step = Math.floor(nowNs / STEP_NS);
    const phaseNs = nowNs - step * STEP_NS;
    const solvedNs = 8 * MS * (1 + 0.08 * (2 * hashUniform(step, cpu * 2 + 7) - 1));
    const exchangedNs = 14.5 * MS + 1 * MS * hashUniform(step, cpu * 2 + 8);
    const beginNs = 8.8 * MS;
    if (phaseNs < solvedNs) return { task: solvers[cpu]!, ns: solvedNs - phaseNs };
    if (phaseNs < beginNs) return { task: IDLE, ns: beginNs - phaseNs };
    if (phaseNs < exchangedNs) return { task: exchanges[cpu]!, ns: exchangedNs - phaseNs };
    return { task: IDLE, ns: STEP_NS - phaseNs };
  };
}
