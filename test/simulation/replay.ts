// SPDX-License-Identifier: Apache-2.0
import { KIND, type Trace, unpackRecords } from './trace.ts';
import { IDLE } from './workload.ts';

/** What can be known of the machine at a time. */
export interface Machine {
  timeNs: number;
  /** The task each CPU runs. */
  readonly running: Int32Array;
  /** What each zone's counter reads, in counts. */
  readonly reading: Float64Array;
}

/**
 * Plays a trace. `leave` is called for a CPU that is about to change tasks, and at each drain for every CPU;
 * `running` is what it has run until now. `drained` is called after that, at each drain.
 */
export function replay(
  trace: Trace,
  visit: {
    readonly leave: (machine: Machine, cpu: number) => void;
    readonly drained?: (machine: Machine) => void;
  },
): void {
  const machine: Machine = {
    timeNs: 0,
    running: new Int32Array(trace.cpus).fill(IDLE),
    reading: new Float64Array(trace.zones.length),
  };
  for (const { timeNs, value, kind, cpu } of unpackRecords(trace.records)) {
    machine.timeNs = timeNs;
    if (kind === KIND.switch) {
      visit.leave(machine, cpu);
      machine.running[cpu] = value;
    } else if (kind === KIND.counter) {
      machine.reading[cpu] = value;
    } else if (kind === KIND.drain) {
      for (let each = 0; each < trace.cpus; each++) visit.leave(machine, each);
      visit.drained?.(machine);
    }
  }
}
