// SPDX-License-Identifier: Apache-2.0
import { leastAttribution } from '../attribution/least.ts';
import { SNAPSHOT_SCHEMA, type SelfUsage, type Snapshot } from '../model/snapshot.ts';
import type { EnergySource } from '../model/source.ts';
import { sum } from '../util/sum.ts';
import { cgroupRows } from './cgroup-rows.ts';
import type { Parts } from './parts.ts';
import { processRows, withProcesses } from './process-rows.ts';

/**
 * Names the charges of an interval and puts them into the shape of a snapshot, without holding up the event
 * loop however many there are. What is `…Joules` before is `…_j` from here on.
 */
export async function buildSnapshot(parts: Parts): Promise<Snapshot> {
  const time = new Date().toISOString();
  const { interval, charges, identifier } = parts;
  const { source, seconds } = interval;
  await identifier.prepare(charges.cgroups);
  const processes = await processRows(parts);
  const cgroups = await cgroupRows(parts);
  const snapshot: Snapshot = {
    schema: SNAPSHOT_SCHEMA,
    time,
    interval_s: seconds,
    source: describe(source, charges.zones),
    ...totalsOf(charges),
    zones: charges.zones.map((zone) => ({
      id: zone.id,
      parent: zone.parent,
      counter_j: zone.joules,
      idle_j: zone.idleJoules,
      gap_j: zone.gapJoules,
      lost_j: zone.lostJoules,
      shared_j: zone.sharedJoules,
      attribution: zone.attribution,
    })),
    domains: charges.domains.map(({ joules, ...domain }) => ({ ...domain, counter_j: joules })),
    cores: charges.cores.map(({ id, cpus, joules, idleJoules }) => ({
      id,
      cpus,
      counter_j: joules,
      idle_j: idleJoules,
    })),
    // Its place: objects of them are made where they are asked for.
    processes: [],
    cgroups,
    self: selfUsage(parts),
  };
  return withProcesses(snapshot, processes);
}

function describe(source: EnergySource, zones: Parts['charges']['zones']): Snapshot['source'] {
  const { name, kind, scope, domain } = source;
  const attribution = leastAttribution(zones.map((zone) => zone.attribution));
  if (source.reader !== 'none') return { name, kind, scope, domain, attribution };
  const { reference, covers, digits } = source.watts;
  return { name, kind, scope, domain, attribution, estimate: { reference, covers, digits } };
}

function totalsOf({ zones, processJoules }: Parts['charges']): Pick<Snapshot, 'totals' | 'unattributed'> {
  const gap = sum(zones.map(({ gapJoules }) => gapJoules));
  const lost = sum(zones.map(({ lostJoules }) => lostJoules));
  const shared = sum(zones.map(({ sharedJoules }) => sharedJoules));
  return {
    totals: {
      counter_j: sum(zones.map(({ joules }) => joules)),
      process_j: processJoules,
      idle_j: sum(zones.map(({ idleJoules }) => idleJoules)),
      unattributed_j: gap + lost + shared,
    },
    unattributed: { gap_j: gap, lost_j: lost, shared_j: shared },
  };
}

function selfUsage({ interval, charges, ownPid, lostEvents }: Parts): SelfUsage {
  const { columns, skipped, rebinds, gaps, resets, wraps } = interval;
  // Also where a filter leaves it out.
  const { table } = charges;
  const at = table.pid.indexOf(ownPid);
  const self = at < 0 ? undefined : table.at(at);
  return {
    energy_j: self?.joules ?? 0,
    cpu_time_s: self?.seconds ?? 0,
    switches: sum(columns.cpus.switches),
    lost: sum(columns.cpus.lostRows) + lostEvents,
    skipped,
    rebinds,
    gaps,
    resets,
    wraps,
    series: 0,
  };
}
