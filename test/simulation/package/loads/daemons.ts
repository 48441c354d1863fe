// SPDX-License-Identifier: Apache-2.0
import { MS, US } from '../../workload.ts';
import type { LoadContext, Turn } from '../load.ts';
import type { Profile, ProfileName } from '../profiles.ts';

const EVERY_NS = 50 * MS;

export interface Daemons {
  /** The turn of a daemon, if one is due on a CPU. */
  turn(cpu: number, nowNs: number): Turn | undefined;
  /** When the next one is due there. */
  dueNs(cpu: number): number;
}

/** A few daemons that interrupt each CPU about twenty times a second for some hundred us; `like`: what they do. */
export function createDaemons(
  { cpus, tasks, random }: LoadContext,
  cgroup: number,
  like: { readonly profile?: ProfileName; readonly changes?: Partial<Profile> } = {},
): Daemons {
  const daemons = Array.from({ length: Math.max(2, cpus >> 4) }, (_, i) => {
    const profile = i % 2 === 1 ? 'kernel' : 'jit';
    return tasks.create({ comm: `kworker${i % 3}`, profile, cgroup, ...like });
  });
  const dueNs = Array.from({ length: cpus }, () => random.exponential(EVERY_NS));
  return {
    turn(cpu, nowNs) {
      if (nowNs < dueNs[cpu]!) return undefined;
      dueNs[cpu] = nowNs + random.exponential(EVERY_NS);
      return { task: random.pick(daemons), ns: random.logUniform(30 * US, 300 * US) };
    },
    dueNs: (cpu) => dueNs[cpu]!,
  };
}
