// SPDX-License-Identifier: Apache-2.0
// Where container runtimes keep what they know of their containers, and where it was moved to. The fixtures of
// test/fixtures/containers name the source of each path.
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { dig } from '../util/json.ts';
import { readRegularFile } from '../util/regular-file.ts';

/** How a store is laid out, after who writes it; the last is containers/storage, of Podman and CRI-O. */
export type Layout = 'docker' | 'containerd' | 'storage';

/** A directory that has one directory for each container, by its id. */
export interface Store {
  readonly layout: Layout;
  readonly path: string;
}

export interface Stores {
  readonly found: readonly Store[];
  /** Directories that are there and closed to us. */
  readonly closed: readonly string[];
}

/** What runtimes call their roots: of Docker data-root, of containerd state, of containers/storage graphroot and runroot. */
const ROOTS: Readonly<Record<Layout, readonly string[]>> = {
  // The second: Docker from the snap store
  docker: ['/var/lib/docker', '/var/snap/docker/common/var-lib-docker'],
  // containerd by itself, below k3s and RKE2, below k0s, below MicroK8s
  containerd: [
    '/run/containerd',
    '/run/k3s/containerd',
    '/run/k0s/containerd',
    '/var/snap/microk8s/common/run/containerd',
  ],
  storage: ['/run/containers/storage', '/var/lib/containers/storage'],
};

/** Where it is configured that a root is elsewhere; of these files only lines `KEY = "/PATH"` are read, or JSON. */
const CONFIGURATIONS: readonly (readonly [Layout, path: string, keys: readonly string[]])[] = [
  ['docker', '/etc/docker/daemon.json', ['data-root', 'graph']],
  ['docker', '/var/snap/docker/current/config/daemon.json', ['data-root', 'graph']],
  ['containerd', '/etc/containerd/config.toml', ['state']],
  ['storage', '/usr/share/containers/storage.conf', ['graphroot', 'runroot']],
  ['storage', '/etc/containers/storage.conf', ['graphroot', 'runroot']],
  ['storage', '/etc/crio/crio.conf', ['root', 'runroot']],
];

/** The same in the home of a user who runs containers without root, and below /run/user/UID. */
const USER_ROOTS: Readonly<Record<Layout, readonly string[]>> = {
  docker: ['HOME/.local/share/docker'],
  containerd: ['RUNTIME/containerd'],
  storage: ['RUNTIME/containers', 'HOME/.local/share/containers/storage'],
};

const LAYOUTS = ['docker', 'containerd', 'storage'] as const;
/** Bytes of a configuration. */
const CONFIGURATION_LIMIT = 1 << 20;
/** Entries that are looked at of a root: it has some tens. */
const ENTRY_LIMIT = 1024;

/** The stores of the machine below the host's `root`; `more` are roots of any layout, as the host names them. */
export async function machineStores(root: string, more: readonly string[] = []): Promise<Stores> {
  const roots = new Set<string>();
  const add = (layout: Layout, path: string): void => void roots.add(`${layout} ${join('/', path)}`);
  for (const layout of LAYOUTS) for (const path of [...ROOTS[layout], ...more]) add(layout, path);
  for (const [layout, path, keys] of CONFIGURATIONS) {
    const text = await readRegularFile(join(root, path), CONFIGURATION_LIMIT).catch(() => '');
    for (const key of keys) for (const value of valuesOf(text, key)) add(layout, value);
  }
  return storesOf(
    [...roots].map((entry) => {
      const [layout] = entry.split(' ') as [Layout];
      return { layout, path: join(root, entry.slice(layout.length + 1)) };
    }),
  );
}

/** The stores of a user. Whoever it is may have put anything there: what is read is to be the user's own. */
export async function userStores(root: string, user: number): Promise<Stores> {
  const passwd = await readRegularFile(join(root, 'etc/passwd'), CONFIGURATION_LIMIT).catch(() => '');
  const entry = passwd.split('\n').find((line) => line.split(':')[2] === String(user));
  const home = entry?.split(':')[5];
  const places = { HOME: home, RUNTIME: `/run/user/${user}` };
  return storesOf(
    LAYOUTS.flatMap((layout) =>
      USER_ROOTS[layout].flatMap((path) => {
        const [place, ...below] = path.split('/') as [keyof typeof places, ...string[]];
        const start = places[place];
        return start?.startsWith('/') ? [{ layout, path: join(root, start, ...below) }] : [];
      }),
    ),
  );
}

/** Values of a key in JSON, or in TOML as far as it is one string on its line. */
function valuesOf(text: string, key: string): string[] {
  let values: unknown[];
  try {
    values = [dig(JSON.parse(text), key)];
  } catch {
    const line = new RegExp(`^[ \\t]*${key}[ \\t]*=[ \\t]*["']([^"'\\n]*)["']`, 'gm');
    values = [...text.matchAll(line)].map(([, value]) => value);
  }
  return values.filter((value): value is string => typeof value === 'string' && value.startsWith('/'));
}

async function storesOf(roots: readonly Store[]): Promise<Stores> {
  const found: Store[] = [];
  const closed: string[] = [];
  const list = async (path: string): Promise<readonly string[]> => {
    try {
      return await directoriesIn(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EACCES') closed.push(path);
      return [];
    }
  };
  for (const { layout, path } of roots) {
    for (const below of await WITHIN[layout](path, list)) found.push({ layout, path: below });
  }
  return { found, closed };
}

type List = (path: string) => Promise<readonly string[]>;

/** By layout: the directories below a root that have containers in them. */
const WITHIN: Readonly<Record<Layout, (root: string, list: List) => Promise<readonly string[]>>> = {
  /** With userns-remap all of it is below UID.GID. */
  async docker(root, list) {
    const names = await list(root);
    const remapped = names.filter((name) => /^\d+\.\d+$/.test(name)).map((name) => join(root, name));
    return [...(names.includes('containers') ? [root] : []), ...remapped].map((path) =>
      join(path, 'containers'),
    );
  },
  /** Bundles by namespace: `k8s.io` is that of the CRI plugin, `default` that of nerdctl and ctr. */
  async containerd(root, list) {
    const bundles = join(root, 'io.containerd.runtime.v2.task');
    return (await list(bundles)).map((namespace) => join(bundles, namespace));
  },
  /** By storage driver: `overlay-containers`, `vfs-containers`, `btrfs-containers`, `zfs-containers`. */
  async storage(root, list) {
    return (await list(root)).filter((name) => name.endsWith('-containers')).map((name) => join(root, name));
  },
};

/** @throws as opendir does. */
async function directoriesIn(path: string): Promise<readonly string[]> {
  const names: string[] = [];
  let left = ENTRY_LIMIT;
  for await (const entry of await opendir(path)) {
    if (entry.isDirectory()) names.push(entry.name);
    if (--left === 0) break;
  }
  return names;
}
