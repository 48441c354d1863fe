// SPDX-License-Identifier: Apache-2.0

/** A container has few cgroups; one that makes cgroups without end is judged by the latest. */
const MOST_PATHS = 64;

/** The cgroups of each container: it ends with the last of them. One in which systemd runs has many. */
export class ContainerPaths {
  readonly #paths = new Map<string, Set<string>>();

  add(containerId: string, path: string): void {
    let paths = this.#paths.get(containerId);
    if (!paths) this.#paths.set(containerId, (paths = new Set()));
    // The last charged last.
    paths.delete(path);
    paths.add(path);
    if (paths.size > MOST_PATHS) paths.delete(paths.values().next().value!);
  }

  /** Whether none of its cgroups is there any more; false where none is known. */
  areAllGone(containerId: string, exists: { cgroup(path: string): boolean }): boolean {
    const paths = this.#paths.get(containerId);
    if (!paths) return false;
    for (const path of paths) {
      if (exists.cgroup(path)) return false;
      paths.delete(path);
    }
    return true;
  }

  /** Drops all but those that still have a series. */
  keep(containerIds: ReadonlySet<string>): void {
    for (const containerId of this.#paths.keys())
      if (!containerIds.has(containerId)) this.#paths.delete(containerId);
  }
}
