// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTarget, type Target } from '../../src/cli/targets.ts';
import type { Measurement } from '../../src/meter.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let root: string;
beforeEach(() => {
  root = temporaryDirectory();
  mkdirSync(join(root, 'proc/self'), { recursive: true });
});

/** A process as procfs shows it: its start in ticks of 10 ms since boot. */
function runs(pid: number, parent: number, start: number, state = 'S', threads = 1): void {
  mkdirSync(join(root, 'proc', String(pid)), { recursive: true });
  const rest = `${parent} 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 ${threads} 0 ${start} 0 0`;
  writeFileSync(join(root, 'proc', String(pid), 'stat'), `${pid} (a b) ${state} ${rest}`);
}

/** An interval in which each of these, [pid, start in ticks], used 1 J. */
function interval(...used: [number, number][]): Measurement {
  const processes = used.map(([pid, start]) => ({
    pid,
    startNs: start * 1e7 + 123,
    joules: 1,
    uncertainJoules: 0,
    seconds: 1,
  }));
  const none = new Uint32Array(0);
  const lifecycle = { kind: none, pid: none, startNs: none, parentPid: none, parentStartNs: none };
  return { charges: { processes }, lifecycle } as unknown as Measurement;
}

describe('processes that run', () => {
  const find = (...pids: number[]): Target => findTarget({ pids }, root);

  it('are charged with what descends from them, whatever order that has in /proc', () => {
    runs(50, 1, 500);
    runs(9, 50, 900);
    runs(8, 9, 901);
    runs(60, 1, 600);
    const subject = find(50).follow();
    expect(subject.size).toBe(3);
    expect(subject.usedIn(interval([50, 500], [9, 900], [8, 901], [60, 600])).joules).toBe(3);
  });

  it('are others than those that get their numbers later', () => {
    runs(50, 1, 500);
    const target = find(50);
    expect(target.isThere()).toBe(true);
    const subject = target.follow();
    runs(50, 1, 700);
    expect(target.isThere()).toBe(false);
    expect(subject.usedIn(interval([50, 500], [50, 700])).joules).toBe(1);
    // Before it was followed, too.
    expect(target.follow().size).toBe(0);
  });

  it('have ended when all their threads have, though their parent has not been told', () => {
    runs(50, 1, 500);
    const target = find(50);
    runs(50, 1, 500, 'Z', 2);
    expect(target.isThere()).toBe(true);
    runs(50, 1, 500, 'Z');
    expect(target.isThere()).toBe(false);
    rmSync(join(root, 'proc/50'), { recursive: true });
    expect(target.isThere()).toBe(false);
  });

  it('are named once, however often they are given', () => {
    runs(50, 1, 500);
    runs(51, 1, 501);
    expect(find(50, 51, 50)).toMatchObject({ name: 'processes 50, 51', running: { pids: [50, 51] } });
  });
});

/** A machine with cgroups v2. */
function mountCgroups(): void {
  writeFileSync(
    join(root, 'proc/self/mountinfo'),
    `36 35 0:31 / ${join('/', 'sys/fs/cgroup')} rw shared:9 - cgroup2 cgroup2 rw\n`,
  );
}

describe('a cgroup that is there', () => {
  it.each(['/a/b', 'a/b/', '//a/./b', 'MOUNT/a/b', 'MOUNT/./a//b/'])(
    'is charged as the kernel names it, given as %s',
    (given) => {
      mountCgroups();
      for (const path of ['a/b', 'a/c']) mkdirSync(join(root, 'sys/fs/cgroup', path), { recursive: true });
      const cgroup = given.replace('MOUNT', join(root, 'sys/fs/cgroup'));
      expect(findTarget({ cgroup }, root).running).toEqual({ cgroup: '/a/b' });
    },
  );

  it.each(['/a/c/../b', '/../a/b', 'MOUNT/a/c/../b'])('is not measured under another name, %s', (given) => {
    mountCgroups();
    for (const path of ['a/b', 'a/c']) mkdirSync(join(root, 'sys/fs/cgroup', path), { recursive: true });
    const cgroup = given.replace('MOUNT', join(root, 'sys/fs/cgroup'));
    expect(() => findTarget({ cgroup }, root)).toThrow(/^there is no cgroup .*: name it as joules top/);
  });

  it('is found in a mount that has a part of them alone', () => {
    writeFileSync(
      join(root, 'proc/self/mountinfo'),
      `36 35 0:31 /docker/1f /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n`,
    );
    mkdirSync(join(root, 'sys/fs/cgroup/a'), { recursive: true });
    for (const cgroup of ['/docker/1f/a', join(root, 'sys/fs/cgroup/a')])
      expect(findTarget({ cgroup }, root).running).toEqual({ cgroup: '/docker/1f/a' });
  });

  it('may be all of them', () => {
    mountCgroups();
    mkdirSync(join(root, 'sys/fs/cgroup'), { recursive: true });
    for (const cgroup of ['/', join(root, 'sys/fs/cgroup')])
      expect(findTarget({ cgroup }, root).running).toEqual({ cgroup: '/' });
  });
});

describe('a container that runs', () => {
  it("is that of the machine's runtime, not what a user has given its id to", () => {
    const id = 'a1'.padEnd(64, '0');
    mountCgroups();
    const users = `user.slice/user-1000.slice/user@1000.service/docker-${id}.scope`;
    const ours = `system.slice/docker-${id}.scope`;
    for (const path of [users, ours]) mkdirSync(join(root, 'sys/fs/cgroup', path), { recursive: true });
    const target = findTarget({ container: 'a1' }, root);
    expect(target).toMatchObject({ name: `container ${id}`, running: { container: id } });
    const row = (path: string): object => ({ path: `/${path}`, energy_j: 1, cpu_time_s: 2 });
    const snapshot = {
      processes: [],
      cgroups: [row(users), row(ours), row(`${ours}/init`), row(`${ours}x`)],
    };
    expect(target.follow().usedIn({ snapshot } as unknown as Measurement)).toMatchObject({
      joules: 2,
      seconds: 4,
    });
    rmSync(join(root, 'sys/fs/cgroup', ours), { recursive: true });
    expect(target.isThere()).toBe(false);
  });
});
