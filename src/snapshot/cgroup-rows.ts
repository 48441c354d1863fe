// SPDX-License-Identifier: Apache-2.0
import type { CgroupCharge } from '../attribution/by-cgroup.ts';
import type { Cgroup } from '../identity/cgroup.ts';
import { userOf } from '../identity/container.ts';
import { keyOf } from '../identity/namer.ts';
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
    const cgroup = identifier.cgroup(charge.id, charge.process);
    const { path, containerId, runtime, podUid, unit, owner } = cgroup;
    if (!filter.cgroup(path)) {
      rest.push(charge);
      return;
    }
    const known = knownContainer(cgroup);
    const names = known && namer?.of(known);
    rows.push({
      id: String(charge.id),
      path,
      container_id: containerId,
      container_runtime: runtime,
      pod_uid: podUid,
      unit,
      ...(owner && { owner }),
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

/** The containers whose cgroups were charged, and pods of no known one, each once, though it may have several cgroups. */
function containersOf({ charges, identifier }: CgroupParts): KnownContainer[] {
  const containers = new Map<string, KnownContainer>();
  for (const { id, process } of charges.cgroups) {
    const container = knownContainer(identifier.cgroup(id, process));
    if (container) containers.set(keyOf(container), container);
  }
  return [...containers.values()];
}

function knownContainer({ path, containerId, runtime, podUid }: Cgroup): KnownContainer | undefined {
  const user = userOf(path);
  if (containerId === null && (podUid === null || user !== undefined)) return undefined;
  return { containerId, runtime, podUid, ...(user !== undefined && { user }) };
}
