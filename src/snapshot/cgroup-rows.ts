// SPDX-License-Identifier: Apache-2.0
import type { CgroupCharge } from '../attribution/by-cgroup.ts';
import { isNamedByUser } from '../identity/container.ts';
import type { KnownContainer } from '../model/container.ts';
import { type CgroupUsage, OTHER } from '../model/snapshot.ts';
import { powerOf } from '../model/units.ts';
import { eachInSlices } from '../util/cooperative.ts';
import { sum } from '../util/sum.ts';
import type { Parts } from './parts.ts';

type CgroupParts = Pick<Parts, 'interval' | 'charges' | 'identifier' | 'filter' | 'namer'>;

/** A row for each cgroup that the filter shows, and one for all others if there are any. */
export async function cgroupRows(parts: CgroupParts): Promise<CgroupUsage[]> {
  const { interval, charges, identifier, filter, namer } = parts;
  await namer?.prepare(containersOf(parts));
  const rows: CgroupUsage[] = [];
  const rest: CgroupCharge[] = [];
  await eachInSlices(charges.cgroups, (charge) => {
    const { path, containerId, runtime, podUid, unit } = identifier.cgroup(charge.id, charge.process);
    if (!filter.cgroup(path)) {
      rest.push(charge);
      return;
    }
    const names = containerId === null || isNamedByUser(path) ? undefined : namer?.of(containerId);
    rows.push({
      id: String(charge.id),
      path,
      container_id: containerId,
      container_runtime: runtime,
      pod_uid: podUid,
      unit,
      ...(names && { names }),
      energy_j: charge.joules,
      power_w: powerOf(charge.joules, interval.seconds),
      cpu_time_s: charge.seconds,
    });
  });
  if (rest.length > 0) rows.push(otherCgroups(rest, parts));
  return rows;
}

function otherCgroups(charges: readonly CgroupCharge[], { interval }: CgroupParts): CgroupUsage {
  const joules = sum(charges.map((charge) => charge.joules));
  return {
    id: OTHER,
    path: OTHER,
    container_id: null,
    container_runtime: null,
    pod_uid: null,
    unit: null,
    energy_j: joules,
    power_w: powerOf(joules, interval.seconds),
    cpu_time_s: sum(charges.map((charge) => charge.seconds)),
  };
}

/**
 * The containers whose cgroups were charged, each once, though it may have several cgroups. Not those of users: what the
 * machine's runtimes know of a container of that id is of another one.
 */
function containersOf({ charges, identifier }: CgroupParts): KnownContainer[] {
  const containers = new Map<string, KnownContainer>();
  for (const { id, process } of charges.cgroups) {
    const { path, containerId, runtime, podUid } = identifier.cgroup(id, process);
    if (containerId !== null && !isNamedByUser(path))
      containers.set(containerId, { containerId, runtime, podUid });
  }
  return [...containers.values()];
}
