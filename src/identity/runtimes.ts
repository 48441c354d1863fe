// SPDX-License-Identifier: Apache-2.0
// What container runtimes keep on the node about their containers: no daemon is asked, none has to be trusted
// with our privileges. Rootless runtimes keep theirs in users' homes, where only what is the user's own is read.
import { join } from 'node:path';
import { attempt } from '../util/files.ts';
import { dig, jsonObjects } from '../util/json.ts';
import { createPatience } from '../util/patience.ts';
import { readRegularFile, regularFilePieces } from '../util/regular-file.ts';
import type { ContainerNames, KnownContainer } from '../model/container.ts';
import { keyOf, namesOf, type NameSource } from './namer.ts';
import { type Layout, machineStores, type Store, userStores } from './stores.ts';

/** Bytes of one container's file; those of real ones have some tens of thousands. */
const FILE_LIMIT = 1 << 20;
/** Bytes of Podman's list, which has about a thousand for each container. */
const LIST_LIMIT = 1 << 26;

/** Names from the files of the machine's Docker, containerd, CRI-O and Podman. */
export function runtimeFiles(options: {
  /** Where the host's / is. */
  readonly root: string;
  /** Roots of runtimes beyond those that are known, as the host names them. */
  readonly more?: readonly string[];
  /** Takes a line, once, where there are containers and nothing is found about any. */
  readonly log?: (line: string) => void;
}): NameSource {
  const { root, more, log } = options;
  let hasLogged = false;
  return async (containers) => {
    const ours = containers.filter(({ containerId, user }) => containerId !== null && user === undefined);
    if (ours.length === 0) return new Map();
    const { found: stores, closed } = await machineStores(root, more);
    if (stores.length === 0 && !hasLogged) {
      hasLogged = true;
      log?.(closed.length > 0 ? closedTo(closed) : NO_STORE);
    }
    return readStores(stores, ours);
  };
}

const NO_STORE =
  'containers run here, but nothing that a container runtime keeps about them is found: they are known by their ids; ' +
  "mount the host's /run and /var/lib where we run (and give --root), or name the runtime's directory (--container-root)";

function closedTo([first]: readonly string[]): string {
  return (
    `containers run here, but ${first} is closed to us: they are known by their ids; ` +
    'run as root, or give us the capability CAP_DAC_READ_SEARCH'
  );
}

/** A home may be a file system that hangs, of FUSE by its user's will; nobody else's names may wait longer for it. */
const USER_MS = 2000;
/** Whatever hangs keeps one of the four threads in which Node reads files of any kind. */
const HANGING_USERS = 2;

/** Names from the files of users who run containers without root, where those can be read. */
export function userRuntimeFiles(root: string, userMs: number = USER_MS): NameSource {
  const users = createPatience<number>(userMs, HANGING_USERS);
  return async (containers) => {
    const found = new Map<string, ContainerNames>();
    for (const user of new Set(containers.map((container) => container.user))) {
      if (user === undefined) continue;
      const theirs = containers.filter((container) => container.user === user);
      const read = await users.ask(user, async () => {
        const { found: stores } = await userStores(root, user);
        return readStores(stores, theirs, user);
      });
      for (const [key, names] of read ?? []) {
        // Nobody is in a pod only because they say so.
        const { name, imageName, imageTags } = names;
        found.set(key, {
          ...(name !== undefined && { name }),
          ...(imageName !== undefined && { imageName }),
          ...(imageTags !== undefined && { imageTags }),
        });
      }
    }
    return found;
  };
}

async function readStores(
  stores: readonly Store[],
  containers: readonly KnownContainer[],
  owner?: number,
): Promise<Map<string, ContainerNames>> {
  const found = new Map<string, ContainerNames>();
  for (const container of containers) {
    const names = await fromOwnFile(stores, container, owner);
    if (names) found.set(keyOf(container), names);
  }
  for (const { layout, path } of stores) {
    if (layout !== 'storage') continue;
    const left = containers.filter((container) => {
      const { runtime } = container;
      return !found.has(keyOf(container)) && (runtime === null || runtime === 'podman');
    });
    if (left.length === 0) break;
    for (const [key, names] of await fromPodman(path, left, owner)) found.set(key, names);
  }
  return found;
}

type Read = (document: unknown) => ContainerNames;

/** By layout: whose it is, the file in a container's directory, and what is in it. */
const FILES: Readonly<
  Record<Layout, { readonly runtime: string; readonly file: string; readonly read: Read }>
> = {
  docker: { runtime: 'docker', file: 'config.v2.json', read: ofDocker },
  containerd: { runtime: 'containerd', file: 'config.json', read: ofContainerd },
  storage: { runtime: 'cri-o', file: 'userdata/config.json', read: ofCrio },
};

async function fromOwnFile(
  stores: readonly Store[],
  { containerId, runtime }: KnownContainer,
  owner: number | undefined,
): Promise<ContainerNames | undefined> {
  // Whoever names a cgroup chooses the id: it must not lead elsewhere.
  if (containerId === null || !/^[0-9a-f]{64}$/.test(containerId)) return undefined;
  for (const { layout, path } of stores) {
    const { runtime: writer, file, read } = FILES[layout];
    if (runtime !== null && runtime !== writer) continue;
    const document = await readJson(join(path, containerId, file), owner);
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
  store: string,
  wanted: readonly KnownContainer[],
  owner: number | undefined,
): Promise<ReadonlyMap<string, ContainerNames>> {
  const keys = new Map<unknown, string>(wanted.map((container) => [container.containerId, keyOf(container)]));
  const found = new Map<string, ContainerNames>();
  try {
    const pieces = regularFilePieces(join(store, 'containers.json'), LIST_LIMIT, owner);
    for await (const entry of jsonObjects(pieces, 1)) {
      const key = keys.get(dig(entry, 'id'));
      if (key === undefined) continue;
      const metadata = dig(entry, 'metadata');
      // What is wrong with one container's says nothing of the others.
      const parsed =
        typeof metadata === 'string' ? attempt(() => JSON.parse(metadata) as unknown) : undefined;
      const image = dig(parsed, 'image-name');
      found.set(key, namesOf({ name: dig(entry, 'names', '0'), image }));
    }
  } catch {
    // Not there, or written at this moment: asked for again.
  }
  return found;
}

async function readJson(path: string, owner: number | undefined): Promise<unknown> {
  try {
    return JSON.parse(await readRegularFile(path, FILE_LIMIT, owner));
  } catch {
    return undefined;
  }
}
