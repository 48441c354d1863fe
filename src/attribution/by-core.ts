// SPDX-License-Identifier: Apache-2.0
import type { Core } from '../host/cpus.ts';
import type { Joules } from '../model/units.ts';
import { byCpus } from './by-cpus.ts';
import { groupOfCpu, type PricedRows, type Reducer } from './reducer.ts';

/** What was charged on the CPUs of one physical core, and the idle part of it. */
export interface CoreCharge {
  readonly id: string;
  readonly cpus: readonly number[];
  readonly joules: Joules;
  readonly idleJoules: Joules;
}

/** Adds rows up by core. Of a core without a row nothing is known, and nothing is said. */
export function byCore(priced: PricedRows, cores: readonly Core[]): Reducer<readonly CoreCharge[]> {
  const sums = byCpus(priced, cores.length, groupOfCpu(cores));
  return {
    add: (begin, end) => sums.add(begin, end),
    result() {
      const { joules, idleJoules, seen } = sums.result();
      return cores.flatMap(({ id, cpus }, i) =>
        seen[i] ? [{ id, cpus, joules: joules[i]!, idleJoules: idleJoules[i]! }] : [],
      );
    },
  };
}
