// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, mkdirSync, renameSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CgroupPaths } from '../../src/identity/cgroup.ts';
import { UNKNOWN } from '../../src/model/snapshot.ts';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { readStartTicks } from '../../src/host/procfs.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const fixtures = join(__dirname, '../fixtures/cgroup');
const ID = '4f0c1d2e3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeef';
const nobody = { pid: 0, startNs: 0 };
/** No container, pod or unit. */
const plain = { containerId: null, runtime: null, podUid: null, unit: null, owner: null };

function found(name: string) {
  const root = join(fixtures, name);
  const { mount, ...rest } = findHierarchy(join(root, 'proc'), root);
  return { ...rest, mount: mount?.replace(root, '') };
}

describe('the hierarchy that is charged', () => {
  test('is v2 where systemd uses nothing else', () => {
    expect(found('v2')).toEqual({
      version: 2,
      controller: null,
      id: 0,
      mount: '/sys/fs/cgroup',
      mountRoot: '/',
      atRoot: false,
    });
  });

  test('is v2 where services and containers are in it, though a v1 hierarchy is mounted too', () => {
    expect(found('v2-and-freezer')).toMatchObject({ version: 2, controller: null, mount: '/sys/fs/cgroup' });
  });

  test('is that of the v1 memory controller in a hybrid set-up', () => {
    expect(found('hybrid')).toMatchObject({
      version: 1,
      controller: 'memory',
      mount: '/sys/fs/cgroup/memory',
    });
  });

  test('is found by one of the controllers mounted together, at a path with a space', () => {
    expect(found('v1-comounted')).toMatchObject({
      version: 1,
      controller: 'cpu',
      mount: '/cgroups/system wide',
    });
  });

  test('is known to be mounted in part in a container of v1', () => {
    expect(found('v1-container')).toMatchObject({
      mount: '/sys/fs/cgroup/memory',
      mountRoot: `/docker/${ID}`,
    });
  });

  test('is taken from the mount that shows most of it', () => {
    expect(found('v2-host-mount')).toMatchObject({ mount: '/host/sys/fs/cgroup', mountRoot: '/../..' });
  });

  test("is taken from the host's mounts when the host's root is mounted below another directory", () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'proc/self'), { recursive: true });
    mkdirSync(join(root, 'sys/fs/cgroup'), { recursive: true });
    writeFileSync(
      join(root, 'proc/self/mountinfo'),
      `1 0 0:1 / /proc rw - cgroup2 none rw\n2 0 0:1 / ${root}/sys/fs/cgroup rw - cgroup2 none rw\n`,
    );
    expect(findHierarchy(join(root, 'proc'), `${root}/`).mount).toBe(join(root, 'sys/fs/cgroup'));
  });

  test('is v2 and nowhere where no cgroups are mounted', () => {
    expect(findHierarchy('/nowhere')).toEqual({
      version: 2,
      controller: null,
      id: 0,
      mount: null,
      mountRoot: '/',
      atRoot: false,
    });
  });
});

describe('the path of a cgroup', () => {
  function resolver(name: string, walkLimit = 100) {
    const root = join(fixtures, name);
    const proc = join(root, 'proc');
    const hierarchy = findHierarchy(proc, root);
    const paths = new CgroupPaths({ proc, hierarchy, walkLimit });
    const inode = (below: string) => statSync(join(hierarchy.mount!, below)).ino;
    return { paths, inode };
  }

  test('is found by walking when no process is left in it', () => {
    const { paths, inode } = resolver('v2');
    const path = `/system.slice/docker-${ID}.scope`;
    expect(paths.resolve(inode(path), nobody)).toEqual({
      path,
      containerId: ID,
      runtime: 'docker',
      podUid: null,
      unit: `docker-${ID}.scope`,
      owner: null,
    });
    expect(paths.resolve(inode('/'), nobody)).toEqual({ path: '/', ...plain });
  });

  test('is that of a live process in it, without a walk', () => {
    const { paths, inode } = resolver('v1-comounted', 0);
    const process = { pid: 310, startNs: 1 };
    expect(paths.resolve(inode('batch: night'), process).path).toBe('/batch: night');
  });

  test('starts at the root of the hierarchy though only a subtree is mounted', () => {
    const { paths, inode } = resolver('v1-container');
    const container = { ...plain, containerId: ID, runtime: 'docker' };
    expect(paths.resolve(inode('/'), { pid: 7, startNs: 1 })).toEqual({
      ...container,
      path: `/docker/${ID}`,
    });
    const worker = { ...container, path: `/docker/${ID}/worker` };
    expect(paths.resolve(inode('worker'), { pid: 8, startNs: 1 })).toEqual(worker);
    expect(resolver('v1-container').paths.resolve(inode('worker'), nobody)).toEqual(worker);
  });

  test('is not the one the process has moved to since', () => {
    const { paths, inode } = resolver('v1-container');
    expect(paths.resolve(inode('worker'), { pid: 7, startNs: 1 }).path).toBe(`/docker/${ID}/worker`);
  });

  test('is what the kernel says of a live process where it is not mounted', () => {
    const sshd = { pid: 900, startNs: 12_345_678_900 };
    expect(resolver('v1-container').paths.resolve(2 ** 40, sshd).path).toBe('/system.slice/ssh.service');
    expect(resolver('v2-container').paths.resolve(2 ** 40, sshd)).toEqual({
      path: `/../../kubepods.slice/cri-containerd-${ID}.scope`,
      containerId: ID,
      runtime: 'containerd',
      podUid: null,
      unit: `cri-containerd-${ID}.scope`,
      owner: null,
    });
    const later = { pid: 900, startNs: 12_350_000_000 };
    expect(resolver('v1-container').paths.resolve(2 ** 40, later).path).toBe(UNKNOWN);
  });

  test.each([
    ['is what it was before it was removed, with v2', 2, null, '0::', '/system.slice/ssh.service'],
    ['is what the kernel says, with v1', 1, 'memory', '4:memory:', '/system.slice/ssh.service (deleted)'],
  ] as const)('%s', (_what, version, controller, prefix, path) => {
    const proc = temporaryDirectory();
    mkdirSync(join(proc, '900'));
    writeFileSync(join(proc, '900/cgroup'), `${prefix}/system.slice/ssh.service (deleted)\n`);
    writeFileSync(join(proc, '900/stat'), '900 (sshd) Z 1 900 900 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1234 0 0');
    const hierarchy = { version, controller, id: 0, mount: null, mountRoot: '/', atRoot: true };
    const paths = new CgroupPaths({ proc, hierarchy });
    expect(paths.resolve(2 ** 40, { pid: 900, startNs: 12_345_000_000 }).path).toBe(path);
  });

  test('leaves out what lies above our cgroup namespace', () => {
    const { paths, inode } = resolver('v2-host-mount');
    const id = inode('system.slice/ssh.service');
    expect(paths.resolve(id, { pid: 900, startNs: 1 }).path).toBe('/system.slice/ssh.service');
    expect(resolver('v2-host-mount').paths.resolve(id, nobody).path).toBe('/system.slice/ssh.service');
  });

  test('is looked for in so many directories only', () => {
    const { paths, inode } = resolver('v2', 2);
    expect(paths.resolve(inode('system.slice'), nobody).path).toBe('/system.slice');
    expect(paths.resolve(inode(`system.slice/docker-${ID}.scope`), nobody).path).toBe(UNKNOWN);
  });

  describe('that was not found', () => {
    /** A hierarchy of `directories`, and beside it one that is to be moved there. */
    function tree(...directories: string[]) {
      const root = temporaryDirectory();
      const mount = join(root, 'cgroup');
      for (const name of ['', ...directories]) mkdirSync(join(mount, name), { recursive: true });
      mkdirSync(join(root, 'late'));
      const hierarchy = { version: 2, controller: null, id: 0, mount, mountRoot: '/', atRoot: true } as const;
      return {
        hierarchy,
        id: statSync(join(root, 'late')).ino,
        move: () => renameSync(join(root, 'late'), join(mount, 'late')),
      };
    }

    /** Makes a process that lives in a cgroup. */
    function live(proc: string, path: string) {
      mkdirSync(join(proc, '900'));
      writeFileSync(join(proc, '900/cgroup'), `0::${path}\n`);
      writeFileSync(join(proc, '900/stat'), '900 (a) S 1 900 900 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1234 0 0');
      return { pid: 900, startNs: 12_345_000_000 };
    }

    test('is not looked for again after a whole walk: ids are not used again', () => {
      const { hierarchy, id, move } = tree('a', 'b');
      const paths = new CgroupPaths({ proc: '/nowhere', hierarchy });
      expect(paths.resolve(id, nobody).path).toBe(UNKNOWN);
      move();
      paths.endInterval();
      expect(paths.resolve(id, nobody).path).toBe(UNKNOWN);
    });

    test.each([
      ['the walk was cut off', { walkLimit: 3 }, {}],
      ['another namespace hides a part', {}, { atRoot: false }],
    ])('is looked for in the next interval where %s', (_why, options, change) => {
      const { hierarchy, id, move } = tree('a', 'b');
      const paths = new CgroupPaths({
        proc: '/nowhere',
        hierarchy: { ...hierarchy, ...change },
        ...options,
      });
      expect(paths.resolve(id, nobody).path).toBe(UNKNOWN);
      move();
      rmdirSync(join(hierarchy.mount, 'a'));
      paths.endInterval();
      expect(paths.resolve(id, nobody).path).toBe('/late');
    });

    test('is not where a process of it has moved to', () => {
      const { hierarchy, id } = tree('a');
      const proc = temporaryDirectory();
      const moved = live(proc, '/a');
      expect(new CgroupPaths({ proc, hierarchy }).resolve(id, moved).path).toBe(UNKNOWN);
    });

    test('is not what the kernel called it where its names begin at another root than ours', () => {
      const { hierarchy, id } = tree('a');
      const paths = new CgroupPaths({ proc: '/nowhere', hierarchy: { ...hierarchy, atRoot: false } });
      paths.learn(id, '/host/late');
      expect(paths.resolve(id, nobody).path).toBe(UNKNOWN);
    });

    test('is told by the next process in it where nothing is mounted', () => {
      const proc = temporaryDirectory();
      const hierarchy = {
        version: 2,
        controller: null,
        id: 0,
        mount: null,
        mountRoot: '/',
        atRoot: true,
      } as const;
      const paths = new CgroupPaths({ proc, hierarchy });
      expect(paths.resolve(7, nobody).path).toBe(UNKNOWN);
      const late = live(proc, '/late');
      // Within an interval all have the same answer.
      expect(paths.resolve(7, late).path).toBe(UNKNOWN);
      paths.endInterval();
      expect(paths.resolve(7, late).path).toBe('/late');
    });
  });
});

describe("this machine's cgroups", () => {
  const hierarchy = findHierarchy('/proc');
  const mount = hierarchy.mount!;
  // A name no program would choose: a space, an escape sequence, and a byte that is not UTF-8.
  const name = Buffer.from(`joules-test-${process.pid} \x1b[31m\xff`, 'latin1');
  const shown = `/${name.toString()}`;
  const made: Buffer[] = [];
  let child: ChildProcess;

  function directory(...below: (string | Buffer)[]): Buffer {
    return Buffer.concat(
      [mount, ...below].flatMap((part, index) => [Buffer.from(index ? '/' : ''), Buffer.from(part)]),
    );
  }

  function make(...below: (string | Buffer)[]): number {
    const path = directory(...below);
    mkdirSync(path);
    made.push(path);
    return statSync(path).ino;
  }

  function move(...below: (string | Buffer)[]): void {
    writeFileSync(directory(...below, 'cgroup.procs'), String(child.pid));
  }

  async function remove(): Promise<void> {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    for (const path of made.splice(0).toReversed()) rmdirSync(path);
  }

  function key() {
    return { pid: child.pid!, startNs: readStartTicks('/proc', child.pid!)! * 1e7 };
  }

  beforeEach(async () => {
    child = spawn('sleep', ['600'], { stdio: 'ignore' });
    await once(child, 'spawn');
  });
  afterEach(remove);

  test('are mounted where they were found', () => {
    expect(existsSync(join(mount, 'cgroup.procs'))).toBe(true);
  });

  test('have a path whatever bytes their names hold, found by a process or by walking', () => {
    const id = make(name);
    move(name);
    const byProcess = new CgroupPaths({ proc: '/proc', hierarchy, walkLimit: 0 });
    expect(byProcess.resolve(id, key())).toEqual({ path: shown, ...plain });
    const byWalking = new CgroupPaths({ proc: '/proc', hierarchy });
    expect(byWalking.resolve(id, nobody)).toEqual({ path: shown, ...plain });
    // Its path does not lead back to it, so that it may well exist.
    expect(byWalking.exists(shown)).toBe(true);
    expect(byWalking.exists(`${shown.slice(0, -1)}x`)).toBe(false);
  });

  test('keep their path after they were removed', async () => {
    const container = make(name) && make(name, ID);
    move(name, ID);
    const paths = new CgroupPaths({ proc: '/proc', hierarchy });
    const process = key();
    const expected = { ...plain, path: `${shown}/${ID}`, containerId: ID };
    expect(paths.resolve(container, process)).toEqual(expected);
    await remove();
    paths.endInterval();
    expect(paths.resolve(container, process)).toEqual(expected);
    const late = new CgroupPaths({ proc: '/proc', hierarchy });
    expect(late.resolve(container, process)).toEqual({ path: UNKNOWN, ...plain });
  });

  test('are numbered as /proc/cgroups numbers their hierarchy, 0 for v2', () => {
    const table = readFileSync('/proc/cgroups', 'latin1').split('\n');
    const line = table.find((row) => row.split('\t')[0] === hierarchy.controller);
    expect(hierarchy.id).toBe(Number(line?.split('\t')[1] ?? 0));
  });

  test('are told apart when a process moves from one to another', () => {
    const first = make(name);
    const second = make(name, 'second');
    move(name, 'second');
    const paths = new CgroupPaths({ proc: '/proc', hierarchy });
    expect(paths.resolve(first, key()).path).toBe(shown);
    expect(paths.resolve(second, key()).path).toBe(`${shown}/second`);
  });

  test('are walked once in an interval, whatever is unknown', () => {
    const paths = new CgroupPaths({ proc: '/proc', hierarchy });
    expect(paths.resolve(2 ** 40, nobody).path).toBe(UNKNOWN);
    expect(paths.resolve(make(name), nobody).path).toBe(UNKNOWN);
    const second = make(name, 'second');
    paths.endInterval();
    expect(paths.resolve(second, nobody).path).toBe(`${shown}/second`);
  });
});
