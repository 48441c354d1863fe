// SPDX-License-Identifier: Apache-2.0
import { createGenerationalCache } from '../util/generational-cache.ts';
import type { Cgroup } from './cgroup.ts';
import { isNamedByUser } from './container.ts';

const KEEP_CONTAINERS = 4096;

/**
 * Whose the ids of containers are. A user may name a cgroup like another's container, which would then be charged with
 * what the user's processes use: the id is that of the machine's container, where it has one of that id.
 */
export class ContainerClaims {
  readonly #machines = createGenerationalCache<string, true>(KEEP_CONTAINERS);

  /** Takes notice of a cgroup that was charged. */
  note({ path, containerId }: Cgroup): void {
    if (containerId !== null && !isNamedByUser(path)) this.#machines.set(containerId, true);
  }

  /** The cgroup, without the container that it only claims to be. */
  judge(cgroup: Cgroup): Cgroup {
    const { path, containerId } = cgroup;
    return containerId !== null && isNamedByUser(path) && this.#machines.get(containerId)
      ? { ...cgroup, containerId: null, runtime: null, podUid: null }
      : cgroup;
  }

  endInterval(): void {
    this.#machines.endInterval();
  }
}
