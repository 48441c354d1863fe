// SPDX-License-Identifier: Apache-2.0
import { inspect } from 'node:util';
import { onlineCores } from '../host/cpus.ts';
import type { Counter, EnergySource } from '../model/source.ts';
import { MAX_WATTS } from '../sources/limits.ts';
import type { LearnedPackage, Learning, PackageLearning, Probe } from './addon.ts';

/** Learns from the counters of packages, follows their CPUs, and tells how that goes. */
export interface PackageLearner {
  /** Learns from the counters as they are now. Rejects where that cannot begin: the next call tries again. */
  follow(source: EnergySource): Promise<void>;
  /** Logs what has changed since this was called last. */
  tell(source: EnergySource): Promise<void>;
}

export interface PackageLearnerOptions {
  readonly probe: Pick<Probe, 'learn' | 'askLearning'>;
  /** Where sysfs is mounted. */
  readonly sys: string;
  /** Takes a line of `event=…` when learning begins, is found to be impossible, or begins anew. */
  readonly log: (line: string) => void;
}

/** Whether the counters of packages are learned from. */
export function isLearned(source: EnergySource): boolean {
  return source.reader === 'user' && source.attribution === 'learned';
}

/** Whether what BPF learns of counters of cores is corrected. Of a clock all draw alike: there is nothing to learn. */
export function isCorrected(source: EnergySource): boolean {
  return source.reader === 'bpf' && source.attribution !== 'time' && !source.idlePays;
}

export function createPackageLearner({ probe, sys, log }: PackageLearnerOptions): PackageLearner {
  /** Found anew whenever CPUs may have come or gone; undefined: to be learned from again. */
  let counters: readonly Counter[] | undefined;
  let learnedFrom = '[]';
  /** By zone, what was said of it last. */
  const said = new Map<number, string>();
  let restarts = 0;
  return {
    async follow(source) {
      if (source.reader !== 'user' || source.counters === counters) return;
      counters = undefined;
      const packages = packagesOf(source, sys);
      const all = inspect(packages, { depth: null, maxArrayLength: null });
      if (all !== learnedFrom) {
        learnedFrom = '';
        await probe.learn(packages);
      }
      learnedFrom = all;
      counters = source.counters;
    },
    async tell({ zones }) {
      const learning: Learning = await probe.askLearning();
      for (const one of learning.packages) {
        const line = lineOf(one, zones[one.zone]?.id);
        if (line !== undefined && line.key !== said.get(one.zone)) log(line.text);
        if (line !== undefined) said.set(one.zone, line.key);
      }
      if (learning.restarts > restarts) log(`event=relearn count=${learning.restarts - restarts}`);
      restarts = learning.restarts;
    },
  };
}

/** The counters of packages with the CPUs that are online; none where nothing is to be learned. */
export function packagesOf(source: EnergySource, sys: string): LearnedPackage[] {
  if (source.reader !== 'user' || !isLearned(source)) return [];
  // What runs on a CPU that sysfs hides is counted by some package, and would be taken for what others draw.
  if (source.zones.some(({ hidden }) => hidden)) return [];
  const coreOf = new Map(onlineCores(sys).flatMap(({ id, cpus }) => cpus.map((cpu) => [cpu, id] as const)));
  return source.counters.flatMap(({ id, cpus, joulesPerCount, range, maxWatts, location }) => {
    const zone = source.zones.findIndex((one) => one.id === id);
    const online = cpus.filter((cpu) => coreOf.has(cpu));
    const ids = [...new Set(online.map((cpu) => coreOf.get(cpu)!))];
    const lead = location.via === 'perf' ? location.cpu : source.zones[zone]?.lead;
    if (lead === undefined || online.length === 0) return [];
    const cores = online.map((cpu) => ids.indexOf(coreOf.get(cpu)!));
    const most = Math.min(maxWatts, MAX_WATTS.package);
    return [{ zone, cpus: online, cores, lead, joulesPerCount, range, maxWatts: most, location }];
  });
}

/** What to say of a package, and what of that must change for it to be said again. */
function lineOf(one: PackageLearning, id: string | undefined): { key: string; text: string } | undefined {
  const { state, error, periodNs, jitterNs } = one;
  if (state === 'calibrating') return undefined;
  const period = periodNs === undefined ? '' : ` period_us=${(periodNs / 1000).toFixed(1)}`;
  if (state === 'learning') {
    const jitter = jitterNs === undefined ? '' : ` jitter_us=${(jitterNs / 1000).toFixed(1)}`;
    return { key: state, text: `event=learning counter=${id}${period}${jitter}` };
  }
  const why = error === 0 ? '' : ` errno=${-error}`;
  return { key: `${state}${why}`, text: `event=no_learning counter=${id} why=${state}${why}${period}` };
}
