// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../model/snapshot.ts';

/**
 * Reduces the snapshots of a meter, one after the other, to one process and the container that it is in. Nothing closes
 * in what is left: no counter is a process's own. `executable` is its name: from another pid namespace a meter sees that
 * of a thread, which for Node is `MainThread` or what `process.title` was set to.
 */
export function reducingTo(pid: number, executable: string): (snapshot: Snapshot) => Snapshot {
  /** It stays what it is in an interval in which the process did not run. */
  let containerId: string | null = null;
  return (snapshot) => {
    const processes = snapshot.processes.flatMap((process) =>
      process.pid === null || process.pid !== pid ? [] : [{ ...process, executable }],
    );
    containerId = processes.at(-1)?.container_id ?? containerId;
    const cgroups = snapshot.cgroups.filter(
      ({ container_id }) => container_id !== null && container_id === containerId,
    );
    return { ...snapshot, zones: [], domains: [], cores: [], processes, cgroups };
  };
}
