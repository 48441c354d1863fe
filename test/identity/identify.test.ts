// SPDX-License-Identifier: Apache-2.0
import { findHierarchy, type Hierarchy } from '../../src/host/hierarchy.ts';
import { createIdentifier, type Identifier } from '../../src/identity/identify.ts';
import { UNKNOWN } from '../../src/model/snapshot.ts';
import { columnsOf } from '../support/columns.ts';

const NOWHERE: Hierarchy = { version: 2, controller: null, id: 0, mount: null, mountRoot: '/', atRoot: true };
/** No container, pod, unit or owner. */
const plain = { containerId: null, runtime: null, podUid: null, unit: null, owner: null };
const nobody = { pid: 0, startNs: 0 };

function create(hierarchy: Hierarchy, lines: string[] = []): Identifier {
  return createIdentifier({ proc: '/proc', hierarchy, bootTimeMs: 0, log: (line) => lines.push(line) });
}

test('a cgroup is known by its id, without a process', () => {
  expect(create(findHierarchy('/proc')).cgroup(1, nobody)).toEqual({ path: '/', ...plain });
});

test('a new cgroup has the path that the kernel gave it when it was made', async () => {
  const identifier = create(NOWHERE);
  identifier.beginInterval(columnsOf({ cgroups: { 4711: '/a', 4712: '/a/b' } }));
  await identifier.prepare([]);
  expect([4711, 4712].map((id) => identifier.cgroup(id, nobody).path)).toEqual(['/a', '/a/b']);
  expect(identifier.cgroup(4713, nobody)).toEqual({ path: UNKNOWN, ...plain });
});

test('where no cgroups are mounted that is said, once and with what it means', () => {
  const lines: string[] = [];
  const identifier = create(NOWHERE, lines);
  for (let interval = 0; interval < 3; interval++) {
    identifier.cgroup(4711 + interval, nobody);
    identifier.endInterval();
  }
  expect(lines).toEqual([
    expect.stringMatching(/^no cgroups are mounted: .*\(unknown\); mount them \(mount/),
  ]);
  const mounted: string[] = [];
  create(findHierarchy('/proc'), mounted);
  expect(mounted).toEqual([]);
});

describe('a cgroup that a user names like a container', () => {
  const ID = '4f0c1d2e3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeef';
  const users = '/user.slice/user-1000.slice/user@1000.service/app.slice';
  const charged = (...ids: number[]): { id: number; process: typeof nobody }[] =>
    ids.map((id) => ({ id, process: nobody }));

  test('is no container where the machine has one of that id, however late it comes', async () => {
    const identifier = create(NOWHERE);
    identifier.beginInterval(
      columnsOf({
        cgroups: {
          1: `${users}/docker-${ID}.scope`,
          2: `/system.slice/docker-${ID}.scope`,
          3: `/docker/${ID}`,
        },
      }),
    );
    await identifier.prepare(charged(1));
    expect(identifier.cgroup(1, nobody).containerId).toBe(ID);
    identifier.endInterval();
    await identifier.prepare(charged(1, 2));
    expect(identifier.cgroup(1, nobody)).toEqual({
      ...plain,
      path: `${users}/docker-${ID}.scope`,
      unit: `docker-${ID}.scope`,
      owner: { type: 'user', name: '1000', part: `docker-${ID}.scope` },
    });
    expect(identifier.cgroup(2, nobody)).toMatchObject({ containerId: ID, runtime: 'docker' });
    expect(identifier.cgroup(3, nobody)).toMatchObject({ containerId: ID, runtime: 'docker' });
    identifier.endInterval();
    // Also while the machine's idles.
    await identifier.prepare(charged(1));
    expect(identifier.cgroup(1, nobody).containerId).toBe(null);
  });

  test('is a container of the user otherwise', async () => {
    const identifier = create(NOWHERE);
    identifier.beginInterval(columnsOf({ cgroups: { 1: `${users}/libpod-${ID}.scope/container` } }));
    await identifier.prepare(charged(1));
    expect(identifier.cgroup(1, nobody)).toMatchObject({ containerId: ID, runtime: 'podman' });
  });
});
