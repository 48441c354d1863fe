// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CgroupPaths } from '../../src/identity/cgroup.ts';
import { containerOf, unitOf } from '../../src/identity/container.ts';
import type { Container } from '../../src/model/container.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ID = '4f0c1d2e3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeef';
const OUTER = 'a9a5ad238e59234193ee7ec3fcff5e735b3708ea1068826952255b69e3cfa413';
const UID = '3d274242-8ee0-4f0c-9d2e-3b4a59687786';
const NONE: Container = { containerId: null, runtime: null, podUid: null };

interface Row extends Container {
  readonly name: string;
  readonly hierarchy: 'v1' | 'hybrid' | 'v2';
  readonly controller: string | null;
  readonly lines: readonly string[];
  readonly unit: string | null;
}

const fixtures = join(__dirname, '../fixtures/cgroup-paths');

function readRows(file: string): readonly Row[] {
  return JSON.parse(readFileSync(join(fixtures, file), 'utf8')) as readonly Row[];
}

/** What is told of a live process whose /proc/PID/cgroup has these lines, in a hierarchy that is not mounted. */
function tell({ lines, controller }: Row) {
  const proc = temporaryDirectory();
  mkdirSync(join(proc, '900'));
  writeFileSync(join(proc, '900/cgroup'), lines.map((line) => `${line}\n`).join(''));
  writeFileSync(join(proc, '900/stat'), `900 (sh) S 1 900 900 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1234 0 0`);
  const version = controller === null ? 2 : 1;
  const hierarchy = { version, controller, id: 0, mount: null, mountRoot: '/', atRoot: true } as const;
  return new CgroupPaths({ proc, hierarchy }).resolve(1, { pid: 900, startNs: 12_345_000_000 });
}

describe.each(readdirSync(fixtures).filter((file) => file.endsWith('.json')))('%s', (file) => {
  test.each(readRows(file))('tells what it is: $name, $hierarchy', (row) => {
    const { path, owner: _, ...told } = tell(row);
    const { containerId, runtime, podUid, unit } = row;
    expect(told).toEqual({ containerId, runtime, podUid, unit });
    expect(row.lines.map((line) => line.replace(/^\d+:[^:]*:/, ''))).toContain(path);
  });
});

describe('a container', () => {
  test.each([
    ['an id that is too long', `/docker/${ID}0`],
    ['an id that is too short', `/docker/${ID.slice(1)}`],
    ['capitals', `/docker/${ID.toUpperCase()}`],
    ['an id in the name of a service', `/system.slice/${ID}.service`],
    ['an id at the end of a longer name', `/system.slice/x${ID}.service`],
    ['an id that more follows', `/system.slice/docker-${ID}.scope.d`],
    ['the scope of an unknown runtime', `/system.slice/unknown-${ID}.scope`],
    ['the id of a pod of Podman', `/libpod_parent/${ID}`],
    ['a scope of machine.slice that has no payload', '/machine.slice/web.scope'],
    ['a payload outside of machine.slice', '/not-machine.slice/web.scope/payload'],
    ['a task of ECS without a container', '/ecs/5a0d5ceddf6c44c1928d367a815d890f'],
    ['names without a name', '/lxc.payload./systemd-nspawn@.service/machine-.scope'],
    ['the parents of containers', '/docker'],
    ['an escaped dash in what is no name', String.raw`/system.slice/docker\x2d${ID}.scope`],
    ['a line that does not end with the path', `/docker/${ID}\n`],
    ['nothing', ''],
  ])('is not made of %s', (_what, path) => {
    expect(containerOf(path)).toEqual(NONE);
  });

  test.each([
    ['conmon', `machine.slice/libpod-conmon-${ID}.scope`],
    ['conmon of CRI-O', `crio-conmon-${ID}`],
    ['systemd-nspawn', 'machine.slice/systemd-nspawn@web.service/supervisor'],
    ["LXC's monitor", 'lxc.monitor.web'],
    ['a virtual machine', String.raw`machine.slice/machine-qemu\x2d1\x2dwin10.scope/payload`],
    ['a pod of Podman', `libpod_parent/${ID}/conmon`],
  ])('is charged for what supervises those in it: %s', (_what, below) => {
    expect(containerOf(`/docker/${OUTER}/${below}`)).toEqual({
      ...NONE,
      containerId: OUTER,
      runtime: 'docker',
    });
  });

  test.each([
    [`/docker/${OUTER}/docker/${ID}/init.scope`, ID, 'docker'],
    [`/lxc/web/system.slice/docker-${ID}.scope`, ID, 'docker'],
    [`/docker/${ID}/lxc.payload.web/init.scope`, 'web', 'lxc'],
    [`/machine.slice/libpod-${OUTER}.scope/container/default/${ID}`, ID, 'containerd'],
    [`/machine.slice/libpod-${ID}.scope/payload`, ID, 'podman'],
    ['/machine.slice/outer.scope/payload/machine.slice/inner.scope/payload', 'inner', 'systemd-nspawn'],
    [`/docker/${OUTER}/kubepods/pod${UID}/${ID}`, ID, null],
  ])('is the innermost of %s', (path, containerId, runtime) => {
    expect(containerOf(path)).toMatchObject({ containerId, runtime });
  });

  test('has the name that systemd escaped, and no other character that is written like that', () => {
    expect(containerOf(String.raw`/machine-a\x2db\x0a\x2f.scope`).containerId).toBe(String.raw`a-b\x0a\x2f`);
  });

  test('has whatever name it was given', () => {
    const name = ' \u001b[31m"%s"\\\ud800\ufffd$& ';
    expect(containerOf(`/lxc.payload.${name}/../..`)).toEqual({ ...NONE, containerId: name, runtime: 'lxc' });
  });
});

describe('a pod', () => {
  test.each([
    ['with systemd', `/kubepods.slice/kubepods-pod${UID.replaceAll('-', '_')}.slice/x`],
    ['without', `/kubepods/burstable/pod${UID}`],
    ['that holds another', `/kubepods/pod${UID.replace('3', '4')}/${ID}/kubelet/kubepods/pod${UID}`],
  ])('has the uid the kubelet gave it: %s', (_how, path) => {
    expect(containerOf(path).podUid).toBe(UID);
  });

  test.each([
    ['a name that only ends like one', `/tripod${UID}`],
    ['a uid that is too long', `/kubepods/pod${UID}0`],
    ['a uid that is too short', `/kubepods/pod${UID.slice(1)}`],
    ['a service', `/system.slice/x-pod${UID}.service`],
  ])('is not made of %s', (_what, path) => {
    expect(containerOf(path).podUid).toBeNull();
  });
});

describe('the unit', () => {
  test.each([
    ['the service', '/system.slice/ssh.service', 'ssh.service'],
    ['the innermost', '/user.slice/user@0.service/app.slice/a.service/b.scope/c', 'b.scope'],
    ['what is no slice', '/a.slice/b.service/c.slice', 'b.service'],
    [
      'the innermost slice if there is nothing else',
      '/system.slice/system-getty.slice/x',
      'system-getty.slice',
    ],
    ['a mount', String.raw`/system.slice/srv-a\x2db.mount`, String.raw`srv-a\x2db.mount`],
    ['a socket', '/system.slice/cups.socket', 'cups.socket'],
    ['swap space', '/system.slice/dev-sda2.swap', 'dev-sda2.swap'],
    ['what systemd named like a file of the kernel', '/system.slice/_cpu.service', 'cpu.service'],
    ['only what systemd would allow', '/system.slice/a b.service/c\u001b.scope/ä.service', 'system.slice'],
    ['none without a name', '/.service/.slice', null],
    ['none outside of units', `/docker/${ID}`, null],
    ['none of the root', '/', null],
    ['none of what was removed', '(removed)', null],
  ])('is %s', (_what, path, unit) => {
    expect(unitOf(path)).toBe(unit);
  });
});

// 256 times the longest path there is. What is not linear in it would not end while anybody waits.
describe.each([
  ['/lxc', 'lxc!', null],
  ['/lxc.payload.', '!', null],
  ['/:docker:a', null, null],
  [':docker:', null, null],
  ['/systemd-nspawn@', null, null],
  ['/machine-', null, null],
  ['/machine-a.scope', 'a', 'machine-a.scope'],
  ['/machine.slice/a.scope', null, 'a.scope'],
  ['.scope', null, null],
  ['.service', null, null],
  ['/_', null, null],
  ['/ecs/0', null, null],
  ['-pod00000000-0000', null, null],
  ['/../', null, null],
  [String.raw`\x2d`, null, null],
  [ID, null, null],
  [`/${ID}`, ID, null],
])('1 MiB of %j', (part, containerId, unit) => {
  test('is read to its end', () => {
    const path = `/${part.repeat(2 ** 20 / part.length)}!`;
    expect(containerOf(path)).toMatchObject({ containerId, podUid: null });
    expect(unitOf(path)).toBe(unit);
  });
});
