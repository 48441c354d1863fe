// SPDX-License-Identifier: Apache-2.0
import { sumUsed, type Used } from '../attribution/used.ts';
import { OTHER, type OtherProcessesUsage, type ProcessUsage } from '../model/snapshot.ts';
import { powerOf, type Seconds } from '../model/units.ts';
import { eachInSlices } from '../util/cooperative.ts';
import type { Parts } from './parts.ts';

/** A row for each process that the filter shows, and one for all others if there are any. */
export async function processRows({
  interval,
  charges,
  identifier,
  filter,
}: Pick<Parts, 'interval' | 'charges' | 'identifier' | 'filter'>): Promise<ProcessUsage[]> {
  const rows: ProcessUsage[] = [];
  const rest: Used[] = charges.unidentified ? [charges.unidentified] : [];
  await eachInSlices(charges.processes, (charge) => {
    const { creationTime, executable, kernel, exited } = identifier.process(charge);
    const cgroup = identifier.cgroup(charge.cgroup, charge);
    if (!filter.process(executable, cgroup.path)) {
      rest.push(charge);
      return;
    }
    rows.push({
      pid: charge.pid,
      creation_time: creationTime,
      executable,
      cgroup: cgroup.path,
      container_id: cgroup.containerId,
      energy_j: charge.joules,
      energy_err_j: charge.uncertainJoules,
      power_w: powerOf(charge.joules, interval.seconds),
      cpu_time_s: charge.seconds,
      exited,
      kernel,
    });
  });
  if (rest.length > 0) rows.push(otherProcesses(rest, interval.seconds));
  return rows;
}

function otherProcesses(used: readonly Used[], interval: Seconds): OtherProcessesUsage {
  const { joules, uncertainJoules, seconds } = sumUsed(used);
  return {
    pid: null,
    creation_time: null,
    executable: OTHER,
    cgroup: null,
    container_id: null,
    energy_j: joules,
    energy_err_j: uncertainJoules,
    power_w: powerOf(joules, interval),
    cpu_time_s: seconds,
    exited: false,
    kernel: false,
  };
}

/** The row `(other)` of the rows that a view leaves out. */
export function sumAsOther(
  rows: readonly Pick<ProcessUsage, 'energy_j' | 'energy_err_j' | 'cpu_time_s'>[],
  interval: Seconds,
): OtherProcessesUsage {
  const used = rows.map(({ energy_j, energy_err_j, cpu_time_s }) => ({
    joules: energy_j,
    uncertainJoules: energy_err_j,
    seconds: cpu_time_s,
  }));
  return otherProcesses(used, interval);
}
