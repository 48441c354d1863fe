// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asNobody, describeAsRoot } from '../support/privileges.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const CGROUPS = join(__dirname, '../../dist/identity/cgroup.js');

/** What is found of cgroup /theirs/inner, by a process in it, where its user has closed /theirs; without capabilities. */
function found(identity: readonly string[]): unknown {
  const root = temporaryDirectory();
  chmodSync(root, 0o755);
  const [mount, proc] = [join(root, 'cgroup'), join(root, 'proc')];
  mkdirSync(join(mount, 'theirs/inner'), { recursive: true });
  const id = statSync(join(mount, 'theirs/inner')).ino;
  chownSync(join(mount, 'theirs'), 1234, 1234);
  chmodSync(join(mount, 'theirs'), 0o700);
  mkdirSync(join(proc, '7'), { recursive: true });
  writeFileSync(join(proc, '7/cgroup'), '0::/theirs/inner\n');
  // It began 100 ticks after boot, field 22.
  writeFileSync(join(proc, '7/stat'), `7 (x) S ${'0 '.repeat(18)}100 0\n`);
  const script = `
    const { CgroupPaths } = require(${JSON.stringify(CGROUPS)});
    const hierarchy = { version: 2, controller: null, id: 0, mount: ${JSON.stringify(mount)}, mountRoot: '/', atRoot: true };
    const cgroups = new CgroupPaths({ proc: ${JSON.stringify(proc)}, hierarchy });
    console.log(JSON.stringify({
      path: cgroups.resolve(${id}, { pid: 7, startNs: 1e9 }).path,
      exists: cgroups.exists('/theirs/inner'),
      gone: cgroups.exists('/nowhere'),
    }));`;
  const { stdout, stderr } = spawnSync('setpriv', [...identity, process.execPath, '-e', script], {
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout);
}

describeAsRoot('a cgroup that its user has hidden from whoever has no capability', () => {
  it.each<[string, readonly string[]]>([
    ['root', ['--bounding-set=-all', '--inh-caps=-all']],
    ['another user', asNobody()],
  ])('is still known to %s, by its processes', (_, identity) => {
    expect(found(identity)).toEqual({ path: '/theirs/inner', exists: true, gone: false });
  });
});
