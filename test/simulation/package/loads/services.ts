// SPDX-License-Identifier: Apache-2.0
import type { Random } from '../../random.ts';
import { IDLE, MS, SEC, US } from '../../workload.ts';
import type { Load, LoadContext } from '../load.ts';
import type { ProfileName } from '../profiles.ts';
import { createDaemons } from './daemons.ts';

const PROFILE_OF_SERVICE: readonly ProfileName[] = [
  'jit',
  'database',
  'crypto',
  'kernel',
  'memory',
  'scalar',
  'avx',
  'jit',
  'database',
  'kernel',
  'crypto',
  'scalar',
];
const REQUEST_NS = 275 * US; // the mean of a log-normal with a median of 200 us and sigma 0.8

/** Some services with workers that answer short requests in bursts; `loadAt`: part of the time that CPUs are busy. */
function createServices(context: LoadContext, loadAt: (nowNs: number) => number): Load {
  const { cpus, tasks, random } = context;
  const services = cpus >= 64 ? 12 : cpus >= 16 ? 8 : 6;
  const workers = Array.from({ length: services }, (_, i) =>
    Array.from({ length: Math.max(2, cpus >> 3) }, () =>
      tasks.create({ comm: `svc${i}`, profile: PROFILE_OF_SERVICE[i]!, cgroup: 1 + i }),
    ),
  );
  const daemons = createDaemons(context, 1 + services);
  const burst = new Int32Array(cpus);
  const popular = workers.map(() => random.logUniform(0.3, 3));
  let mixEndNs = 0;

  function mixAnew(nowNs: number): void {
    mixEndNs = nowNs + random.logUniform(300 * MS, 3 * SEC);
    for (let i = 0; i < services; i++) popular[i] = random.logUniform(0.15, 6);
  }

  return (cpu, nowNs) => {
    if (nowNs >= mixEndNs) mixAnew(nowNs);
    const daemon = daemons.turn(cpu, nowNs);
    if (daemon) return daemon;
    if (burst[cpu]! > 0) {
      burst[cpu]!--;
      const task = random.pick(workers[weighted(popular, random)]!);
      return { task, ns: random.logNormal(200 * US, 0.8) };
    }
    burst[cpu] = 1 + Math.floor(random.exponential(2));
    const load = loadAt(nowNs);
    return { task: IDLE, ns: random.exponential((burst[cpu] * REQUEST_NS * (1 - load)) / load) };
  };
}

function weighted(weights: readonly number[], random: Random): number {
  let rest = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
  for (let i = 0; i < weights.length - 1; i++) {
    rest -= weights[i]!;
    if (rest <= 0) return i;
  }
  return weights.length - 1;
}

/** A load of 5 to 30 %, with a mix of services that changes. */
export function server(context: LoadContext): Load {
  return createServices(context, (nowNs) => 0.175 + 0.125 * Math.sin((nowNs / SEC) * 0.5));
}

/** The same at 3 %. */
export function quiet(context: LoadContext): Load {
  return createServices(context, () => 0.03);
}
