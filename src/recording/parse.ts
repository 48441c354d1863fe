// SPDX-License-Identifier: Apache-2.0
import * as v from 'valibot';
import type { ContainerNames } from '../model/container.ts';
import { OWNER_TYPES } from '../model/owner.ts';
import { OTHER, SNAPSHOT_SCHEMA, type Snapshot } from '../model/snapshot.ts';
import { ATTRIBUTIONS } from '../model/source.ts';
import { containerNames } from '../snapshot/json.ts';

/** More than any machine uses in any interval: sums of such numbers are still exact enough, and none becomes infinite. */
const MOST = 1e12;

const figure = v.pipe(v.number(), v.minValue(-MOST), v.maxValue(MOST));
const seconds = v.pipe(v.number(), v.minValue(1e-6), v.maxValue(MOST));
const count = v.pipe(v.number(), v.minValue(0), v.maxValue(MOST));
const name = v.pipe(v.string(), v.maxLength(65_536));
const isMoment = (text: string): boolean => /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(Date.parse(text));
const moment = v.pipe(v.string(), v.maxLength(40), v.check(isMoment, 'a time in ISO 8601'));
// Recordings of versions that did not tell it are read as well.
const attribution = v.optional(v.nullable(v.picklist(ATTRIBUTIONS)), null);
const kind = v.picklist(['measured', 'apportioned', 'estimated']);

const used = { energy_j: figure, power_w: figure, cpu_time_s: figure };
const error = { energy_err_j: v.nullable(figure) };

const named = v.object({
  pid: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MOST)),
  creation_time: moment,
  executable: name,
  cgroup: name,
  container_id: v.nullable(name),
  exited: v.boolean(),
  kernel: v.boolean(),
  ...used,
  ...error,
});

const others = v.object({
  pid: v.null(),
  creation_time: v.null(),
  executable: v.literal(OTHER),
  cgroup: v.null(),
  container_id: v.null(),
  exited: v.literal(false),
  kernel: v.literal(false),
  ...used,
  ...error,
});

const names = v.pipe(
  v.record(v.pipe(v.string(), v.maxLength(100)), v.union([name, v.array(name)])),
  v.transform((given): ContainerNames => containerNames(given)),
);

const owner = v.object({ type: v.picklist(OWNER_TYPES), name, part: v.nullable(name) });

const cgroup = v.object({
  id: name,
  path: name,
  container_id: v.nullable(name),
  container_runtime: v.nullable(name),
  pod_uid: v.nullable(name),
  unit: v.nullable(name),
  owner: v.exactOptional(owner),
  names: v.exactOptional(names),
  ...used,
});

const zone = v.object({
  id: name,
  parent: v.nullable(name),
  counter_j: figure,
  idle_j: figure,
  gap_j: figure,
  lost_j: figure,
  shared_j: figure,
  attribution,
});

const domain = v.object({
  id: name,
  type: v.picklist(['memory', 'gpu', 'soc', 'host']),
  kind,
  parent: v.nullable(name),
  counter_j: figure,
});

const self = v.object({
  energy_j: figure,
  cpu_time_s: figure,
  switches: count,
  lost: count,
  skipped: count,
  rebinds: count,
  gaps: count,
  resets: count,
  wraps: count,
  series: count,
});

const source = v.object({
  name,
  kind,
  scope: v.picklist(['cpu', 'core', 'package']),
  domain: name,
  attribution,
  estimate: v.exactOptional(
    v.object({
      reference: name,
      covers: v.picklist(['cpu', 'server']),
      digits: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(15)),
    }),
  ),
});

const snapshot = v.object({
  schema: v.literal(SNAPSHOT_SCHEMA),
  time: moment,
  interval_s: seconds,
  source,
  totals: v.object({ counter_j: figure, process_j: figure, idle_j: figure, unattributed_j: figure }),
  unattributed: v.object({ gap_j: figure, lost_j: figure, shared_j: figure }),
  zones: v.array(zone),
  domains: v.array(domain),
  cores: v.array(v.object({ id: name, cpus: v.array(v.number()), counter_j: figure, idle_j: figure })),
  processes: v.array(v.variant('pid', [named, others])),
  cgroups: v.array(cgroup),
  self,
});

/**
 * A line of a recording. Whoever wrote it may be anybody: all is checked that somebody relies on later.
 * @throws Error that says what is wrong with it.
 */
export function parseSnapshot(line: string): Snapshot {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw new Error('no JSON');
  }
  return checkSnapshot(json);
}

/** As `parseSnapshot`, of what has been parsed. */
export function checkSnapshot(json: unknown): Snapshot {
  const result = v.safeParse(snapshot, json, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new Error(`${v.getDotPath(issue) ?? 'it'}: ${issue.message}`);
}
