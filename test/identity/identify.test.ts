// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { createIdentifier, type Identifier, type Subject } from '../../src/identity/identify.ts';
import { bootTimeMs, readStartTicks } from '../../src/host/procfs.ts';
import { createRecent } from '../../src/util/generational-cache.ts';

const NAME = 'a-name-of-more-than-15-characters';
/** No container, pod or unit. */
const plain = { containerId: null, runtime: null, podUid: null, unit: null };
let directory: string;
let child: ChildProcess;

function createLive(): Identifier {
  return createIdentifier({
    proc: '/proc',
    hierarchy: findHierarchy('/proc'),
    bootTimeMs: bootTimeMs('/proc'),
  });
}

function comm(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
}

/** The child as BPF would see it now. */
function subject(): Subject {
  const pid = child.pid!;
  return { pid, startNs: readStartTicks('/proc', pid)! * 1e7 + 123, comm: comm(pid), cgroup: 1 };
}

async function end(): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'joules-'));
  const program = join(directory, NAME);
  copyFileSync(realpathSync('/bin/sh'), program);
  child = spawn(program, ['-c', `read line; exec '${process.execPath}' -e 'setInterval(() => {}, 1e6)'`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(child, 'spawn');
});

afterEach(async () => {
  await end();
  rmSync(directory, { recursive: true });
});

test('names a live process by its program, of which the kernel keeps 15 characters only', () => {
  const row = subject();
  expect(row.comm).toBe(NAME.slice(0, 15));
  expect(createLive().identify(row)).toMatchObject({ executable: NAME, cgroup: { path: '/', ...plain } });
});

test('tells the cgroup of a row without a process', () => {
  const identifier = createLive();
  expect(identifier.cgroup(1, { pid: 0, startNs: 0 })).toEqual({ path: '/', ...plain });
});

test('names a process by what is known of it after it has ended', async () => {
  const identifier = createLive();
  const row = subject();
  const alive = identifier.identify(row);
  await end();
  identifier.endInterval();
  expect(identifier.identify(row)).toEqual(alive);
});

test('names a process it never saw alive by what BPF kept', async () => {
  const row = subject();
  await end();
  expect(createLive().identify(row).executable).toBe(row.comm);
});

test('does not give a process that has ended the program of a later one with its pid', () => {
  const row = { ...subject(), comm: 'before' };
  const earlier = { ...row, startNs: row.startNs - 1e7 };
  const identifier = createLive();
  expect(identifier.identify(earlier).executable).toBe('before');
  expect(identifier.identify(row).executable).toBe(NAME);
  expect(identifier.identify(earlier).executable).toBe('before');
});

test('names a process anew when it has become another program', async () => {
  const identifier = createLive();
  const before = subject();
  expect(identifier.identify(before).executable).toBe(NAME);
  child.stdin!.write('\n');
  while (comm(before.pid) === before.comm) await new Promise((resolve) => setTimeout(resolve, 5));
  const after = subject();
  const named = identifier.identify(after);
  expect(named.executable).toBe(basename(realpathSync(process.execPath)));
  expect(named.creationTime).toBe(identifier.identify(before).creationTime);
});

test('gives a process the same creation time when the meter is restarted', () => {
  const row = subject();
  expect(createLive().identify(row).creationTime).toBe(createLive().identify(row).creationTime);
});

test('names a kernel thread by what BPF kept', () => {
  const proc = join(__dirname, '../fixtures/proc-names');
  const hierarchy = {
    version: 2,
    controller: null,
    id: 0,
    mount: null,
    mountRoot: '/',
    atRoot: true,
  } as const;
  const identifier = createIdentifier({ proc, hierarchy, bootTimeMs: bootTimeMs(proc) });
  expect(identifier.identify({ pid: 2, startNs: 7e7, comm: 'kthreadd', cgroup: 1 })).toMatchObject({
    creationTime: '2023-11-14T22:13:20.070Z',
    executable: 'kthreadd',
    cgroup: { path: '(removed)', ...plain },
  });
});

describe('what is remembered', () => {
  test('stays while there is little, however long ago it was used', () => {
    const recent = createRecent<number, string>(2);
    recent.set(1, 'one');
    for (let interval = 0; interval < 100; interval++) recent.endInterval();
    expect(recent.get(1)).toBe('one');
  });

  test('is what was used in the last two intervals when there is much', () => {
    const recent = createRecent<number, string>(2);
    for (let key = 0; key < 10; key++) recent.set(key, 'first');
    recent.endInterval();
    expect(recent.get(7)).toBe('first');
    for (let key = 10; key < 20; key++) recent.set(key, 'second');
    recent.endInterval();
    expect(recent.get(7)).toBe('first');
    expect(recent.get(15)).toBe('second');
    expect(recent.get(3)).toBeUndefined();
  });
});
