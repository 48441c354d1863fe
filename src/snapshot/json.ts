// SPDX-License-Identifier: Apache-2.0
import type { ContainerNames } from '../model/container.ts';
import type { Snapshot } from '../model/snapshot.ts';

/** What the semantic conventions call the names of a container. */
const NAME_KEYS: { readonly [Name in keyof Required<ContainerNames>]: string } = {
  name: 'container.name',
  imageName: 'container.image.name',
  imageTags: 'container.image.tags',
  k8sContainer: 'k8s.container.name',
  k8sPod: 'k8s.pod.name',
  k8sNamespace: 'k8s.namespace.name',
};

/** Names of a container under the keys of the semantic conventions. */
export function containerAttributes(names: ContainerNames): Record<string, string | string[]> {
  const entries = Object.entries(names) as [keyof ContainerNames, string | string[]][];
  return Object.fromEntries(entries.map(([name, value]) => [NAME_KEYS[name], value]));
}

/** The same backwards: names of other keys are left out. */
export function containerNames(
  attributes: Readonly<Record<string, string | readonly string[]>>,
): ContainerNames {
  const entries = Object.entries(NAME_KEYS) as [keyof ContainerNames, string][];
  const known = entries.filter(([name, key]) => {
    return Object.hasOwn(attributes, key) && Array.isArray(attributes[key]) === (name === 'imageTags');
  });
  return Object.fromEntries(known.map(([name, key]) => [name, attributes[key]]));
}

/** What is printed of a snapshot: itself, but for the names of containers, which get the keys of the conventions. */
export function snapshotJson(snapshot: Snapshot): object {
  const cgroups = snapshot.cgroups.map((cgroup) =>
    cgroup.names ? { ...cgroup, names: containerAttributes(cgroup.names) } : cgroup,
  );
  return { ...snapshot, cgroups };
}
