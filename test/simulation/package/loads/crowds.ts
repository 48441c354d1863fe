// SPDX-License-Identifier: Apache-2.0
import { IDLE, MS, SEC, US } from '../../workload.ts';
import type { Load, LoadContext } from '../load.ts';
import { MIX, type ProfileName } from '../profiles.ts';
import { createDaemons } from './daemons.ts';

const TOOLS: readonly (readonly [comm: string, profile: ProfileName])[] = [
  ['as', 'jit'],
  ['cc1', 'crypto'],
  ['sh', 'kernel'],
  ['ld', 'memory'],
  ['grep', 'scalar'],
  ['opt', 'avx'],
];

/** A make on each CPU, and processes of 1 to 20 ms of six executables, each of which differs from others by 12 %. */
export function shorts({ cpus, tasks, random }: LoadContext): Load {
  const makes = Array.from({ length: cpus }, () =>
    tasks.create({ comm: 'make', profile: 'scalar', cgroup: 7 }),
  );
  const running = makes.map(() => [] as { readonly task: number; leftNs: number }[]);
  const at = new Int32Array(cpus);

  function spawn(cpu: number, nowNs: number): void {
    const which = random.below(TOOLS.length);
    const [comm, profile] = TOOLS[which]!;
    const factor = Math.exp(0.12 * random.normal());
    const task = tasks.create({ comm, profile, cgroup: 1 + which, startNs: nowNs, factor });
    running[cpu]!.push({ task, leftNs: random.logUniform(1 * MS, 20 * MS) });
  }

  return (cpu, nowNs) => {
    const jobs = running[cpu]!;
    if (jobs.length === 0 || (jobs.length < 3 && random.uniform() < 0.15)) {
      if (random.uniform() < 0.25) return { task: IDLE, ns: random.exponential(1.5 * MS) };
      for (let i = 1 + random.below(2); i > 0; i--) spawn(cpu, nowNs);
      return { task: makes[cpu]!, ns: random.logUniform(30 * US, 400 * US) };
    }
    at[cpu] = (at[cpu]! + 1) % jobs.length;
    const job = jobs[at[cpu]]!;
    const ns = Math.min(job.leftNs, random.logUniform(300 * US, 3 * MS));
    job.leftNs -= ns;
    if (job.leftNs <= 1 * US) jobs.splice(at[cpu], 1);
    return { task: job.task, ns };
  };
}

/** One task that draws much and never waits, and three daemons per CPU that run for 0.4 ms every 10 to 100 ms. */
export function hotlight({ cpus, tasks, random }: LoadContext): Load {
  const hot = tasks.create({ comm: 'hot', profile: 'avx', cgroup: 1 });
  const lights = Array.from({ length: 3 * cpus }, (_, i) => {
    const task = tasks.create({ comm: `light${i % 12}`, profile: MIX[(i % 12) % 8]!, cgroup: 2 + (i % 5) });
    return {
      task,
      dueNs: random.exponential(30 * MS),
      everyNs: random.logUniform(10 * MS, 100 * MS),
    };
  });
  return (cpu, nowNs) => {
    let first = lights[cpu]!;
    for (let i = cpu + cpus; i < lights.length; i += cpus) {
      if (lights[i]!.dueNs < first.dueNs) first = lights[i]!;
    }
    if (first.dueNs > nowNs) return { task: cpu === 0 ? hot : IDLE, ns: first.dueNs - nowNs };
    const ns = random.logNormal(400 * US, 0.8);
    first.dueNs = nowNs + ns + random.exponential(first.everyNs);
    return { task: first.task, ns };
  };
}

/** Containers that are on for 50 to 600 ms and off for 0.2 to 2 s, each with threads on a quarter of the CPUs. */
export function containers(context: LoadContext): Load {
  const { cpus, tasks, random } = context;
  const groups = Array.from({ length: Math.max(4, Math.min(24, cpus >> 2)) }, (_, group) => ({
    isOn: false,
    untilNs: random.exponential(0.5 * SEC),
    onNs: random.logUniform(50 * MS, 600 * MS),
    offNs: random.logUniform(200 * MS, 2 * SEC),
    firstCpu: random.below(cpus),
    processes: Array.from({ length: 1 + random.below(3) }, (_unused, i) =>
      tasks.create({ comm: `app${group}.${i}`, profile: random.pick(MIX), cgroup: 1 + group }),
    ),
  }));
  const width = Math.max(2, cpus >> 2);
  const daemons = createDaemons(context, 1 + groups.length);
  const at = new Int32Array(cpus);

  function ready(cpu: number, nowNs: number): number[] {
    const found: number[] = [];
    for (const group of groups) {
      if (nowNs >= group.untilNs) {
        group.isOn = !group.isOn;
        group.untilNs = nowNs + random.exponential(group.isOn ? group.onNs : group.offNs);
        if (group.isOn) group.firstCpu = random.below(cpus);
      }
      const thread = (cpu - group.firstCpu + cpus) % cpus;
      if (group.isOn && thread < width) found.push(group.processes[thread % group.processes.length]!);
    }
    return found;
  }

  return (cpu, nowNs) => {
    const candidates = ready(cpu, nowNs);
    const daemon = daemons.turn(cpu, nowNs);
    if (daemon) return daemon;
    if (candidates.length === 0) return { task: IDLE, ns: random.exponential(1 * MS) + 50 * US };
    if (random.uniform() < 0.1) return { task: IDLE, ns: random.exponential(300 * US) };
    at[cpu] = (at[cpu]! + 1) % candidates.length;
    return { task: candidates[at[cpu]]!, ns: random.logUniform(300 * US, 4 * MS) };
  };
}
