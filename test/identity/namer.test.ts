// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNamer, keyOf, namesOf, type NameSource } from '../../src/identity/namer.ts';
import type { KnownContainer } from '../../src/model/container.ts';
import { runtimeFiles } from '../../src/identity/runtimes.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIXTURES = join(__dirname, '../fixtures/containers');
const id = (pair: string): string => pair.repeat(32);
const container = (containerId: string, runtime: string | null): KnownContainer => ({
  containerId,
  runtime,
  podUid: null,
});

describe('what runtimes keep on the node', () => {
  const WEB = {
    name: 'web',
    imageName: 'registry.example:5000/team/web',
    imageTags: ['1.25'],
  };
  const COREDNS = {
    imageName: 'registry.k8s.io/coredns/coredns',
    imageTags: ['v1.11.1'],
    k8sContainer: 'coredns',
    k8sPod: 'coredns-76f75df574-x2x9k',
    k8sNamespace: 'kube-system',
  };
  const API = {
    name: 'k8s_api_api-0_shop_aaaa2b4a-f398-41c0-928b-049e1cc4ec40_0',
    imageName: 'quay.io/team/api',
    imageTags: ['2'],
    k8sContainer: 'api',
    k8sPod: 'api-0',
    k8sNamespace: 'shop',
  };
  const PODMAN = {
    name: 'stoic_cerf',
    imageName: 'quay.io/team/httpd-24',
    imageTags: ['latest'],
  };

  it.each<[string, KnownContainer, object]>([
    ['Docker', container(id('d0'), 'docker'), WEB],
    ['containerd', container(id('c0'), 'containerd'), COREDNS],
    ['nerdctl', container(id('c2'), 'containerd'), { name: 'proxy' }],
    ['CRI-O', container(id('a0'), 'cri-o'), API],
    ['Podman', container(id('b0'), 'podman'), PODMAN],
    ['a runtime that the cgroup does not tell', container(id('c0'), null), COREDNS],
    ['Podman without its cgroup telling', container(id('b0'), null), PODMAN],
  ])('names containers of %s', async (_, known, names) => {
    expect(await runtimeFiles({ root: FIXTURES })([known])).toEqual(new Map([[keyOf(known), names]]));
  });

  it('names the sandbox of a pod after the pod, not POD', async () => {
    const pause = { imageName: 'registry.k8s.io/pause', imageTags: ['3.9'] };
    const found = await runtimeFiles({ root: FIXTURES })([
      container(id('c1'), 'containerd'),
      container(id('a1'), 'cri-o'),
    ]);
    expect(found.get(id('c1'))).toEqual({
      ...pause,
      k8sPod: 'coredns-76f75df574-x2x9k',
      k8sNamespace: 'kube-system',
    });
    expect(found.get(id('a1'))).toEqual({
      ...pause,
      name: 'k8s_api-0_shop_aaaa2b4a-f398-41c0-928b-049e1cc4ec40_0',
      k8sPod: 'api-0',
      k8sNamespace: 'shop',
    });
  });

  it('leaves out what is not there, cut off, too large, or outside of its directory', async () => {
    const root = temporaryDirectory();
    cpSync(FIXTURES, root, { recursive: true });
    const file = (pair: string): string =>
      join(root, 'var/lib/docker/containers', id(pair), 'config.v2.json');
    cpSync(file('d0'), file('d1'));
    writeFileSync(file('d0'), '{"Name": "/we');
    writeFileSync(file('d1'), ' '.repeat(1 << 20), { flag: 'a' });
    writeFileSync(join(root, 'var/lib/containers/storage/overlay-containers/containers.json'), '[{"id": ');
    const found = await runtimeFiles({ root: root })([
      container(id('d0'), 'docker'),
      container(id('d1'), 'docker'),
      container(id('dd'), 'docker'),
      container(`../containers/${id('d0')}`, 'docker'),
      container(id('b0'), 'podman'),
    ]);
    expect(found).toEqual(new Map());
  });
});

describe('what others put where runtimes keep their files', () => {
  let root: string;
  const docker = (pair: string): string =>
    join(root, 'var/lib/docker/containers', id(pair), 'config.v2.json');
  const podman = (): string => join(root, 'var/lib/containers/storage/overlay-containers/containers.json');
  const KINDS: [string, (path: string) => void][] = [
    ['a FIFO', (path) => execFileSync('mkfifo', [path])],
    ['a link to a device without end', (path) => symlinkSync('/dev/zero', path)],
    ['a link to another container', (path) => symlinkSync(docker('d0'), path)],
    ['a directory', (path) => mkdirSync(path)],
    ['a hole of a terabyte', (path) => execFileSync('truncate', ['--size=1T', path])],
  ];

  beforeEach(() => {
    root = temporaryDirectory();
    cpSync(FIXTURES, root, { recursive: true });
  });

  it.each(KINDS)('is not read, and the others are: %s', async (_, put) => {
    mkdirSync(join(docker('dd'), '..'));
    put(docker('dd'));
    rmSync(podman());
    put(podman());
    const found = await runtimeFiles({ root: root })([
      container(id('dd'), 'docker'),
      container(id('b0'), 'podman'),
      container(id('d0'), 'docker'),
    ]);
    expect([...found.keys()]).toEqual([id('d0')]);
  });
});

describe('names', () => {
  it.each([
    ['nginx', 'nginx', undefined],
    ['nginx:1.25', 'nginx', '1.25'],
    ['host:5000/a/b', 'host:5000/a/b', undefined],
    ['host:5000/a/b:v1', 'host:5000/a/b', 'v1'],
    [`host/a@sha256:${id('ab')}`, 'host/a', undefined],
    [`host/a:v1@sha256:${id('ab')}`, 'host/a', 'v1'],
    [`sha256:${id('ab')}`, undefined, undefined],
    [id('ab'), undefined, undefined],
    ['', undefined, undefined],
    ['x'.repeat(5000), undefined, undefined],
    [7, undefined, undefined],
  ])('of image %j: %j and tag %j', (image, name, tag) => {
    const names = namesOf({ image });
    expect(names.imageName).toBe(name);
    expect(names.imageTags).toEqual(tag === undefined ? undefined : [tag]);
  });

  it('are strings of some length, or left out', () => {
    expect(namesOf({ name: '', pod: null, namespace: {}, container: 'c' })).toEqual({
      k8sContainer: 'c',
    });
  });
});

describe('looking names up', () => {
  const a = container(id('0a'), null);
  const b = container(id('0b'), null);

  it('asks once for what is found, and ever more rarely for what is not', async () => {
    const asked: string[] = [];
    const source: NameSource = (containers) => {
      asked.push(containers.map((one) => keyOf(one).slice(0, 2)).join());
      return Promise.resolve(new Map([[keyOf(a), { name: 'a' }]]));
    };
    const namer = createNamer({ sources: [source], log: () => {} });
    for (let round = 0; round < 16; round++) {
      await namer.prepare([a, b]);
      namer.endInterval();
    }
    expect(namer.of(a)).toEqual({ name: 'a' });
    expect(namer.of(b)).toBeUndefined();
    // In rounds 0, 1, 3, 7 and 15.
    expect(asked).toEqual(['0a,0b', '0b', '0b', '0b', '0b']);
  });

  it('asks the next source for what the first does not know, and outlives one that fails', async () => {
    const lines: string[] = [];
    const failing: NameSource = () => Promise.reject(new Error('HTTP 401'));
    const knowing: NameSource = (containers) =>
      Promise.resolve(new Map(containers.map((one) => [keyOf(one), { name: 'x' }])));
    const namer = createNamer({ sources: [failing, knowing], log: (line) => lines.push(line) });
    await namer.prepare([a]);
    expect(lines).toHaveLength(1);
    await namer.prepare([a, b]);
    const its = { name: 'x' };
    expect([namer.of(a), namer.of(b)]).toEqual([its, its]);
    expect(lines).toEqual(['cannot look up names of containers: HTTP 401']);
  });

  it('asks each source only for what those before it do not know, and 256 at a time', async () => {
    const asked: number[][] = [[], []];
    const source =
      (i: number, known: number): NameSource =>
      (containers) => {
        asked[i]!.push(containers.length);
        return Promise.resolve(
          new Map(containers.slice(0, known).map((one) => [keyOf(one), { name: `${i}` }])),
        );
      };
    const namer = createNamer({ sources: [source(0, 200), source(1, 256)], log: () => {} });
    const many = Array.from({ length: 300 }, (_, i) => ({ ...a, containerId: `c${i}` }));
    await namer.prepare(many);
    expect(asked).toEqual([[256], [56]]);
    expect([
      namer.of({ ...a, containerId: 'c199' }),
      namer.of({ ...a, containerId: 'c200' }),
      namer.of({ ...a, containerId: 'c256' }),
    ]).toEqual([{ name: '0' }, { name: '1' }, undefined]);
    // The second source is not asked for nothing.
    await namer.prepare(many);
    expect(asked).toEqual([[256, 44], [56]]);
  });

  it('does not wait for a source that hangs, nor asks it again meanwhile', async () => {
    let asked = 0;
    let answer = (_: Awaited<ReturnType<NameSource>>): void => {};
    const hanging: NameSource = () => {
      asked++;
      return new Promise((resolve) => (answer = resolve));
    };
    const namer = createNamer({ sources: [hanging], log: () => {} });
    await namer.prepare([a]);
    await namer.prepare([a, b]);
    expect([asked, namer.of(a)]).toEqual([1, undefined]);
    const late = namer.prepare([a]);
    answer(new Map([[keyOf(a), { name: 'late' }]]));
    await late;
    expect(namer.of(a)).toEqual({ name: 'late' });
  });

  it('gives up a source that does not answer at all, until it does, and asks the others', async () => {
    const lines: string[] = [];
    const asked: string[] = [];
    let answer = (_: Awaited<ReturnType<NameSource>>): void => {};
    const hanging: NameSource = () => {
      asked.push('hanging');
      return new Promise((resolve) => (answer = resolve));
    };
    const knowing: NameSource = () => {
      asked.push('knowing');
      return Promise.resolve(new Map([[keyOf(a), { name: 'a' }]]));
    };
    const namer = createNamer({
      sources: [hanging, knowing],
      log: (line) => lines.push(line),
      deadlineMs: 10,
    });
    await namer.prepare([a]);
    while (namer.of(a) === undefined) await namer.prepare([a]);
    expect(lines).toEqual(['cannot look up names of containers: there is no answer after 0.01 s']);
    await namer.prepare([b]);
    expect(asked).toEqual(['hanging', 'knowing', 'knowing']);
    answer(new Map());
    await new Promise(setImmediate);
    namer.endInterval();
    await namer.prepare([b]);
    expect(asked).toEqual(['hanging', 'knowing', 'knowing', 'hanging', 'knowing']);
  });
});
