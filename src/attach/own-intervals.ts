// SPDX-License-Identifier: Apache-2.0
import { type NamedProcessUsage, NO_SELF, SNAPSHOT_SCHEMA, type Snapshot } from '../model/snapshot.ts';
import { powerOf } from '../model/units.ts';
import type { Greeting, Reading, Sum } from './protocol.ts';

/** What a sum grew by. */
type Growth = Pick<Sum, 'elapsed_s' | 'energy_j' | 'energy_err_j' | 'cpu_time_s'>;

type UsedRow = Pick<NamedProcessUsage, 'energy_j' | 'energy_err_j' | 'power_w' | 'cpu_time_s'>;

export interface OwnInterval {
  readonly snapshot: Snapshot;
  /** What was used since the interval before is not known: another agent tells, or the same one anew. */
  readonly restarted: boolean;
}

const NOTHING = { elapsed_s: 0, energy_j: 0, energy_err_j: 0, cpu_time_s: 0 };

/** Makes an agent's readings, one after the other, into snapshots that have one process and its container. */
export class OwnIntervals {
  readonly #executable: string;
  #process: { readonly key: string; readonly sum: Sum } | undefined;
  #container: { readonly key: string; readonly sum: Sum } | undefined;

  /** `executable`: what the process is called. */
  constructor(executable: string) {
    this.#executable = executable;
  }

  /** undefined where nothing has come to what was told before. */
  next({ time, source, process, container }: Reading, { agent, boot }: Greeting): OwnInterval | undefined {
    const key = `${boot} ${agent.id} ${process.since}`;
    const restarted = this.#process !== undefined && this.#process.key !== key;
    const used = grown(this.#process?.key === key ? this.#process.sum : undefined, process);
    this.#process = { key, sum: process };
    const inside = container && this.#inside(`${key} ${container.id} ${container.since}`, container);
    if (used.elapsed_s <= 0 && !restarted) return undefined;
    const rowOf = ({ energy_j, energy_err_j, cpu_time_s }: Growth): UsedRow => ({
      energy_j,
      energy_err_j,
      power_w: powerOf(energy_j, used.elapsed_s),
      cpu_time_s,
    });
    const path = container ? `/${container.id}` : '/';
    const snapshot: Snapshot = {
      schema: SNAPSHOT_SCHEMA,
      time,
      interval_s: used.elapsed_s,
      source,
      totals: { counter_j: 0, process_j: used.energy_j, idle_j: 0, unattributed_j: 0 },
      unattributed: { gap_j: 0, lost_j: 0, shared_j: 0 },
      zones: [],
      domains: [],
      cores: [],
      processes: [
        {
          pid: process.pid,
          creation_time: process.since,
          executable: this.#executable,
          cgroup: path,
          container_id: container?.id ?? null,
          exited: false,
          kernel: false,
          ...rowOf(used),
        },
      ],
      cgroups:
        container && inside
          ? [
              {
                id: path,
                path,
                container_id: container.id,
                container_runtime: null,
                pod_uid: null,
                unit: null,
                ...rowOf(inside),
              },
            ]
          : [],
      self: NO_SELF,
    };
    return { snapshot, restarted };
  }

  #inside(key: string, container: Sum): Growth {
    const before = this.#container?.key === key ? this.#container.sum : undefined;
    this.#container = { key, sum: container };
    return grown(before, container);
  }
}

function grown(before: Sum | undefined, now: Sum): Growth {
  const { elapsed_s, energy_j, energy_err_j, cpu_time_s } = before ?? NOTHING;
  const isKnown = now.energy_err_j !== null && energy_err_j !== null;
  return {
    elapsed_s: now.elapsed_s - elapsed_s,
    energy_j: now.energy_j - energy_j,
    energy_err_j: isKnown ? now.energy_err_j - energy_err_j : null,
    cpu_time_s: now.cpu_time_s - cpu_time_s,
  };
}
