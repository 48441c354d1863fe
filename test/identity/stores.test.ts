// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chownSync,
  cpSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { keyOf } from '../../src/identity/namer.ts';
import { runtimeFiles, userRuntimeFiles } from '../../src/identity/runtimes.ts';
import type { KnownContainer } from '../../src/model/container.ts';
import { hangingMount, testWithFuse } from '../support/hanging-mount.ts';
import { waitFor } from '../support/kernel.ts';
import { describeAsRoot } from '../support/privileges.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIXTURES = join(__dirname, '../fixtures/containers');

interface Place {
  readonly name: string;
  readonly of: keyof typeof KEPT;
  readonly at: string;
  readonly user?: true;
  readonly configuration?: { readonly path: string; readonly text: string };
}

const places = JSON.parse(readFileSync(join(FIXTURES, 'places.json'), 'utf8')) as readonly Place[];
const id = (pair: string): string => pair.repeat(32);

/** What is kept of one container of each, where its runtime keeps it by default, and its name. */
const KEPT = {
  docker: {
    pair: 'd0',
    files: join('var/lib/docker/containers', id('d0')),
    names: { imageName: 'registry.example:5000/team/web' },
  },
  containerd: {
    pair: 'c0',
    files: join('run/containerd/io.containerd.runtime.v2.task/k8s.io', id('c0')),
    names: { imageName: 'registry.k8s.io/coredns/coredns' },
  },
  'cri-o': {
    pair: 'a0',
    files: join('run/containers/storage/overlay-containers', id('a0')),
    names: { imageName: 'quay.io/team/api' },
  },
  podman: {
    pair: 'b0',
    files: 'var/lib/containers/storage/overlay-containers/containers.json',
    names: { imageName: 'quay.io/team/httpd-24', name: 'stoic_cerf' },
  },
} as const;

const USER = 1234;

function containerOf({ of, user }: Pick<Place, 'of' | 'user'>): KnownContainer {
  const containerId = id(KEPT[of].pair);
  return { containerId, runtime: of, podUid: null, ...(user && { user: USER }) };
}

/** A tree in which one container's files are at the place, and nothing else is. */
function treeOf({ of, at, configuration, user }: Omit<Place, 'name'>): string {
  const root = temporaryDirectory();
  const { files } = KEPT[of];
  cpSync(join(FIXTURES, files), join(root, at, files.split('/').at(-1)!), { recursive: true });
  if (configuration) put(join(root, configuration.path), configuration.text);
  if (user) {
    put(join(root, 'etc/passwd'), `root:x:0:0::/root:/bin/sh\nada:x:${USER}:1::/home/ada:/bin/sh\n`);
    execFileSync('chown', ['-R', `${USER}:${USER}`, join(root, at)]);
  }
  return root;
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

describe('what the machine keeps of its containers', () => {
  test.each(places.filter(({ user }) => !user))('is found: $name', async (place) => {
    const container = containerOf(place);
    const found = await runtimeFiles({ root: treeOf(place) })([container]);
    expect(found.get(keyOf(container))).toMatchObject(KEPT[place.of].names);
  });

  test.each(['docker', 'containerd', 'cri-o', 'podman'] as const)(
    'is found where it is said to be: %s',
    async (of) => {
      const store = { docker: 'containers', containerd: 'io.containerd.runtime.v2.task/k8s.io' };
      const at = `opt/there/${of === 'docker' || of === 'containerd' ? store[of] : 'overlay-containers'}`;
      const root = treeOf({ of, at });
      const container = containerOf({ of });
      expect((await runtimeFiles({ root })([container])).size).toBe(0);
      const found = await runtimeFiles({ root, more: ['/opt/there'] })([container]);
      expect(found.get(keyOf(container))).toMatchObject(KEPT[of].names);
    },
  );

  test('is missed once where there is nothing of any, with what to do', async () => {
    const lines: string[] = [];
    const source = runtimeFiles({ root: temporaryDirectory(), log: (line) => lines.push(line) });
    expect((await source([])).size).toBe(0);
    expect(lines).toEqual([]);
    for (let i = 0; i < 3; i++) await source([containerOf({ of: 'docker' })]);
    expect(lines).toEqual([expect.stringMatching(/^containers run here, but nothing .*--container-root/)]);
  });

  test('is not missed where a store is, nor for containers of users', async () => {
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    await runtimeFiles({ root: FIXTURES, log })([
      { ...containerOf({ of: 'docker' }), containerId: id('99') },
    ]);
    await runtimeFiles({ root: temporaryDirectory(), log })([containerOf({ of: 'docker', user: true })]);
    expect(lines).toEqual([]);
  });
});

describeAsRoot('what users keep of their containers', () => {
  test.each(places.filter(({ user }) => user))('is found: $name', async (place) => {
    const container = containerOf(place);
    const root = treeOf(place);
    const found = await userRuntimeFiles(root)([container]);
    expect(found.get(keyOf(container))).toMatchObject(KEPT[place.of].names);
    // A pod is the kubelet's, whatever a user writes.
    const kept = [...found.values()].flatMap((names) => Object.keys(names));
    expect(kept.filter((name) => name.startsWith('k8s'))).toEqual([]);
    // Nobody else has it: neither the machine nor another user.
    expect((await userRuntimeFiles(root)([containerOf({ of: place.of })])).size).toBe(0);
    expect((await userRuntimeFiles(root)([{ ...container, user: USER + 1 }])).size).toBe(0);
  });

  test('is theirs: links lead to nothing of others', async () => {
    const place = places.find(({ name }) => name === 'Docker without root')!;
    const root = treeOf({ ...place, at: 'var/lib/docker/containers' });
    // Of the machine, not of the user.
    chownSync(join(root, KEPT.docker.files, 'config.v2.json'), 0, 0);
    mkdirSync(join(root, 'home/ada/.local/share'), { recursive: true });
    symlinkSync(join(root, 'var/lib/docker'), join(root, 'home/ada/.local/share/docker'));
    expect((await userRuntimeFiles(root)([containerOf(place)])).size).toBe(0);
    chownSync(join(root, KEPT.docker.files, 'config.v2.json'), USER, USER);
    expect((await userRuntimeFiles(root)([containerOf(place)])).size).toBe(1);
  });

  test('is nothing of users whom nobody knows', async () => {
    expect((await userRuntimeFiles(FIXTURES)([containerOf({ of: 'docker', user: true })])).size).toBe(0);
  });

  testWithFuse('is not waited for where a home hangs, nor looked at again before that is over', async () => {
    const place = places.find(({ name }) => name === 'Docker without root')!;
    const root = treeOf(place);
    const [hangs, reads] = [USER + 1, USER];
    appendFileSync(join(root, 'etc/passwd'), `eve:x:${hangs}:1::/home/eve:/bin/sh\n`);
    const home = join(root, 'home/eve');
    cpSync(join(root, 'home/ada'), home, { recursive: true });
    execFileSync('chown', ['-R', `${hangs}:${hangs}`, home]);
    const ofUser = (user: number): KnownContainer => ({ ...containerOf(place), user });
    const containers = [ofUser(hangs), ofUser(reads)];
    const source = userRuntimeFiles(root, 500);
    const until = (what: string, keys: readonly string[]): Promise<true> =>
      waitFor(what, async () => [...(await source(containers)).keys()].join() === keys.join() || undefined);
    const all = containers.map(keyOf);
    await until('both names', all);
    {
      using _ = hangingMount(home);
      // One thread is gone, of the four that read files: if it were begun anew each time, all were.
      for (let i = 0; i < 6; i++) await until('the name of the other', all.slice(1));
    }
    await until('both names again', all);
  });
});
