// SPDX-License-Identifier: Apache-2.0
// What container runtimes keep on the node about their containers: no daemon is asked, none has to be trusted
// with our privileges. Rootless runtimes keep theirs in users' homes, where nobody looks.
import { join } from 'node:path';
import { attempt } from '../util/files.ts';
import { dig, jsonObjects } from '../util/json.ts';
import { readRegularFile, regularFilePieces } from '../util/regular-file.ts';
import type { ContainerNames, KnownContainer } from '../model/container.ts';
import { namesOf, type NameSource } from './namer.ts';

/** Bytes of one container's file; those of real ones have some tens of thousands. */
const FILE_LIMIT = 1 << 20;
/** Bytes of Podman's list, which has about a thousand for each container. */
const LIST_LIMIT = 1 << 26;

/** Names from the files of Docker, containerd, CRI-O and Podman below the host's `root`. */
export function runtimeFiles(root: string): NameSource {
  return async (containers) => {
    const found = new Map<string, ContainerNames>();
    for (const container of containers) {
      const names = await fromOwnFile(root, container);
      if (names) found.set(container.containerId, names);
    }
    const left = containers.filter(({ containerId, runtime }) => {
      return !found.has(containerId) && (runtime === null || runtime === 'podman');
    });
    if (left.length > 0) for (const [id, names] of await fromPodman(root, left)) found.set(id, names);
    return found;
  };
}

type Read = (document: unknown) => ContainerNames;

/** By runtime: the file of container ID, and what is in it. */
const FILES: readonly (readonly [runtime: string, path: string, read: Read])[] = [
  ['docker', 'var/lib/docker/containers/ID/config.v2.json', ofDocker],
  // The bundle, `k8s.io` being the namespace of the CRI plugin, `default` that of nerdctl and ctr.
  ['containerd', 'run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json', ofContainerd],
  ['containerd', 'run/containerd/io.containerd.runtime.v2.task/default/ID/config.json', ofContainerd],
  ['cri-o', 'run/containers/storage/overlay-containers/ID/userdata/config.json', ofCrio],
];

async function fromOwnFile(
  root: string,
  { containerId, runtime }: KnownContainer,
): Promise<ContainerNames | undefined> {
  // Whoever names a cgroup chooses the id: it must not lead elsewhere.
  if (!/^[0-9a-f]{64}$/.test(containerId)) return undefined;
  for (const [owner, path, read] of FILES) {
    if (runtime !== null && runtime !== owner) continue;
    const document = await readJson(join(root, path.replace('ID', containerId)));
    const names = document === undefined ? {} : read(document);
    if (Object.keys(names).length > 0) return names;
  }
  return undefined;
}

/** `Container` of moby's daemon/container/container.go; the labels are those of cri-dockerd. */
function ofDocker(document: unknown): ContainerNames {
  const name = dig(document, 'Name');
  return namesOf({
    name: typeof name === 'string' ? name.replace(/^\//, '') : undefined,
    image: dig(document, 'Config', 'Image'),
    ...ofKubernetes(dig(document, 'Config', 'Labels')),
  });
}

/** Annotations of containerd's internal/cri/annotations, and of nerdctl's pkg/labels. */
function ofContainerd(document: unknown): ContainerNames {
  const annotation = (name: string): unknown => dig(document, 'annotations', name);
  return namesOf({
    name: annotation('nerdctl/name'),
    image:
      annotation('io.kubernetes.cri.image-name') ?? annotation('io.kubernetes.cri.podsandbox.image-name'),
    container: annotation('io.kubernetes.cri.container-name'),
    pod: annotation('io.kubernetes.cri.sandbox-name'),
    namespace: annotation('io.kubernetes.cri.sandbox-namespace'),
  });
}

/** Annotations of CRI-O's pkg/annotations/internal.go, and the kubelet's labels that it adds to them. */
function ofCrio(document: unknown): ContainerNames {
  const annotations = dig(document, 'annotations');
  return namesOf({
    name: dig(annotations, 'io.kubernetes.cri-o.Name'),
    image: dig(annotations, 'io.kubernetes.cri-o.ImageName'),
    ...ofKubernetes(annotations),
  });
}

/** Labels of the kubelet's pkg/kubelet/types/labels.go. `POD` is what the sandbox of a pod is called. */
function ofKubernetes(labels: unknown): { container: unknown; pod: unknown; namespace: unknown } {
  const container = dig(labels, 'io.kubernetes.container.name');
  return {
    container: container === 'POD' ? undefined : container,
    pod: dig(labels, 'io.kubernetes.pod.name'),
    namespace: dig(labels, 'io.kubernetes.pod.namespace'),
  };
}

/** `containers.json` of containers/storage lists all: their names, and Podman's metadata as JSON in JSON. */
async function fromPodman(
  root: string,
  wanted: readonly KnownContainer[],
): Promise<ReadonlyMap<string, ContainerNames>> {
  const ids = new Set<unknown>(wanted.map(({ containerId }) => containerId));
  const found = new Map<string, ContainerNames>();
  const path = join(root, 'var/lib/containers/storage/overlay-containers/containers.json');
  try {
    for await (const entry of jsonObjects(regularFilePieces(path, LIST_LIMIT), 1)) {
      const id = dig(entry, 'id');
      if (!ids.has(id)) continue;
      const metadata = dig(entry, 'metadata');
      // What is wrong with one container's says nothing of the others.
      const parsed =
        typeof metadata === 'string' ? attempt(() => JSON.parse(metadata) as unknown) : undefined;
      const image = dig(parsed, 'image-name');
      found.set(id as string, namesOf({ name: dig(entry, 'names', '0'), image }));
    }
  } catch {
    // Not there, or written at this moment: asked for again.
  }
  return found;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readRegularFile(path, FILE_LIMIT));
  } catch {
    return undefined;
  }
}
