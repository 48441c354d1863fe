// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CgroupPaths } from '../../src/identity/cgroup.ts';
import { containerOf, isNamedByUser, unitOf } from '../../src/identity/container.ts';
import { kubeletPods } from '../../src/identity/kubelet.ts';
import { runtimeFiles } from '../../src/identity/runtimes.ts';
import type { ContainerNames, KnownContainer } from '../../src/model/container.ts';
import { jsonObjects } from '../../src/util/json.ts';

const RUNS = { numRuns: 5_000 };
const ID = '4f0c1d2e3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeef';
const UID = '3d274242-8ee0-4f0c-9d2e-3b4a59687786';

/** In memory: files are written anew for each run. */
let root: string;
beforeAll(() => (root = mkdtempSync('/dev/shm/joules-test-')));
afterAll(() => rmSync(root, { recursive: true }));

/** Names are strings of some length under the keys that they have. */
function expectNames(names: ContainerNames): void {
  const { imageTags = ['x'], ...others } = names;
  for (const value of [...imageTags, ...Object.values(others)]) {
    expect(typeof value).toBe('string');
    expect(value.length).toBeGreaterThan(0);
    expect(value.length).toBeLessThanOrEqual(1024);
  }
  const known = ['name', 'imageName', 'imageTags', 'k8sContainer', 'k8sPod', 'k8sNamespace'];
  expect(known).toEqual(expect.arrayContaining(Object.keys(names)));
}

/** Values that are wrong wherever text, a list or a mapping should be. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(null, '', 7, [], {}, 'x'.repeat(2000), '[{"image-name":', '\u0000', 'a:b@c'),
  fc.string({ unit: 'binary' }),
  fc.jsonValue(),
);
const sometimes = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary }, { weight: 1, arbitrary: anything });
const labels = fc.dictionary(
  fc.constantFrom(
    'io.kubernetes.container.name',
    'io.kubernetes.pod.name',
    'io.kubernetes.cri.image-name',
    'io.kubernetes.cri-o.Name',
    'nerdctl/name',
    '__proto__',
  ),
  anything,
);
const container = (containerId: string, runtime: string | null): KnownContainer => ({
  containerId,
  runtime,
  podUid: null,
});

describe('cgroups that anybody may name', () => {
  const part = fc.oneof(
    fc.constantFrom(
      ID,
      `docker-${ID}.scope`,
      `libpod-${ID}.scope`,
      `a:docker:${ID}`,
      `crio-conmon-${ID}.scope`,
      'docker',
      'lxc',
      'lxc.payload.web',
      'machine.slice',
      String.raw`machine-a\x2db.scope`,
      'kubepods',
      `pod${UID}`,
      `kubepods-pod${UID.replaceAll('-', '_')}.slice`,
      'user@1000.service',
      '_cron.service',
      '..',
      'ecs',
    ),
    fc.string({ unit: 'binary' }).map((text) => text.replaceAll(/[/\n]/g, '')),
  );
  const path = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join('/')}`);

  it('are in a container, a pod and a unit that their paths name, or in none', () => {
    let found = 0;
    fc.assert(
      fc.property(path, (text) => {
        const { containerId, podUid, runtime } = containerOf(text);
        if (containerId !== null) {
          expect(text.replaceAll(String.raw`\x2d`, '-')).toContain(containerId);
          expect(containerId).not.toBe('');
          expect(containerId).not.toContain('/');
          found++;
        } else expect(runtime).toBe(null);
        if (podUid !== null) expect(text.replaceAll('_', '-')).toContain(podUid);
        const unit = unitOf(text);
        if (unit !== null) expect(text).toContain(unit);
        expect(typeof isNamedByUser(text)).toBe('boolean');
      }),
      RUNS,
    );
    expect(found).toBeGreaterThan(RUNS.numRuns / 10);
  });

  it('are in the container whose directory is the innermost, whatever is above it', () => {
    fc.assert(
      fc.property(path, (above) => {
        // Between them a directory that says nothing: in one called `lxc` every name is a container's.
        expect(containerOf(`${above}/between/docker-${ID}.scope`)).toMatchObject({
          containerId: ID,
          runtime: 'docker',
        });
      }),
      RUNS,
    );
  });

  it('are read from whatever lines a process has', () => {
    const hierarchy = {
      version: 1,
      controller: 'memory',
      id: 0,
      mount: null,
      mountRoot: '/',
      atRoot: true,
    } as const;
    mkdirSync(join(root, 'proc/900'), { recursive: true });
    writeFileSync(
      join(root, 'proc/900/stat'),
      `900 (sh) S 1 900 900 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1234 0 0`,
    );
    const line = fc.oneof(
      fc.tuple(fc.constantFrom('4:memory:', '7:cpu,cpuacct:', '0::', ':', '4:cpu,memory:', 'memory'), path),
      fc.tuple(fc.string({ unit: 'binary' }), fc.constant('')),
    );
    let found = 0;
    fc.assert(
      fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
        writeFileSync(join(root, 'proc/900/cgroup'), lines.map((parts) => `${parts.join('')}\n`).join(''));
        const paths = new CgroupPaths({ proc: join(root, 'proc'), hierarchy });
        const told = paths.resolve(1, { pid: 900, startNs: 12_345_000_000 });
        if (told.path !== '(unknown)') found++;
        const first = lines.find(([controllers]) => /^4:(?:cpu,)?memory:$/.test(controllers));
        if (first) expect(told.path).not.toBe('(unknown)');
      }),
      RUNS,
    );
    expect(found).toBeGreaterThan(RUNS.numRuns / 10);
  });
});

describe('JSON that comes in pieces', () => {
  it('has the objects that it has as a whole, however it is cut', async () => {
    const small = fc.jsonValue({ maxDepth: 1 });
    const list = fc.array(fc.oneof(fc.dictionary(fc.string(), small), fc.array(small)), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(list, fc.array(fc.nat(200)), fc.nat(2), async (objects, cuts, space) => {
        const text = JSON.stringify(objects, undefined, space);
        const ends = [...new Set([...cuts, text.length])].toSorted((a, b) => a - b);
        async function* pieces(): AsyncGenerator<string> {
          for (const [i, end] of ends.entries()) yield text.slice(ends[i - 1] ?? 0, end);
        }
        const found: unknown[] = [];
        for await (const object of jsonObjects(pieces(), 1)) found.push(object);
        expect(found).toEqual(JSON.parse(text));
      }),
      RUNS,
    );
  });

  it('that is none ends in an error, or has what was whole', async () => {
    const part = fc.constantFrom('{', '}', '[', ']', '"', '\\', ',', ':', 'a', '1', 'null', '{"a":1}');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(part).map((all) => all.join(''))), async (texts) => {
        async function* pieces(): AsyncGenerator<string> {
          yield* texts;
        }
        try {
          for await (const object of jsonObjects(pieces(), 1)) expect(typeof object).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
      RUNS,
    );
  });
});

describe('what runtimes and kubelets know', () => {
  it("is names, or nothing, whatever is in a container's file", async () => {
    const docker = join(root, 'var/lib/docker/containers', ID);
    mkdirSync(docker, { recursive: true });
    const document = fc.oneof(
      sometimes(
        fc.record({
          Name: sometimes(fc.string()),
          Config: sometimes(fc.record({ Image: sometimes(fc.string()), Labels: sometimes(labels) })),
          annotations: sometimes(labels),
        }),
      ).map((value) => JSON.stringify(value)),
      fc.string({ unit: 'binary' }),
    );
    let found = 0;
    await fc.assert(
      fc.asyncProperty(document, async (text) => {
        writeFileSync(join(docker, 'config.v2.json'), text);
        const names = (await runtimeFiles({ root: root })([container(ID, 'docker')])).get(ID);
        if (!names) return;
        expectNames(names);
        found++;
      }),
      RUNS,
    );
    expect(found).toBeGreaterThan(RUNS.numRuns / 10);
  });

  const ids = Array.from({ length: RUNS.numRuns }, (_, i) => i.toString(16).padStart(64, '0'));

  it("is names, or nothing, whatever is in Podman's list", async () => {
    const directory = join(root, 'var/lib/containers/storage/overlay-containers');
    mkdirSync(directory, { recursive: true });
    const entry = fc.record({
      names: sometimes(fc.array(fc.string())),
      metadata: sometimes(fc.record({ 'image-name': anything }).map((value) => JSON.stringify(value))),
    });
    const entries = fc.sample(entry, RUNS.numRuns).map((one, i) => ({ ...one, id: ids[i] }));
    writeFileSync(join(directory, 'containers.json'), JSON.stringify(entries));
    const found = await runtimeFiles({ root: root })(ids.map((id) => container(id, 'podman')));
    // What is wrong with one is not with the others.
    expect(found.size).toBe(ids.length);
    for (const names of found.values()) expectNames(names);
  });

  it('is names, or nothing, whatever pods a kubelet lists', async () => {
    const statuses = (id: string): fc.Arbitrary<unknown> =>
      sometimes(
        fc.array(
          sometimes(
            fc.record({
              containerID: sometimes(fc.constantFrom(`containerd://${id}`, id, '://')),
              name: sometimes(fc.string()),
              image: sometimes(fc.string()),
            }),
          ),
          { maxLength: 3 },
        ),
      );
    const pods = ids.map((id) => {
      const pod = fc.record({
        metadata: sometimes(fc.record({ name: sometimes(fc.string()), namespace: anything })),
        status: sometimes(
          fc.record({ containerStatuses: statuses(id), initContainerStatuses: statuses(id) }),
        ),
      });
      return fc.sample(pod, 1)[0];
    });
    const server = createServer((_, response) =>
      response.end(JSON.stringify({ kind: 'PodList', items: pods })),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const found = await kubeletPods({ url })(ids.map((id) => container(id, 'containerd')));
      expect(found.size).toBeGreaterThan(ids.length / 10);
      for (const [id, names] of found) {
        expect(ids).toContain(id);
        expectNames(names);
      }
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
