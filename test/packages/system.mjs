// SPDX-License-Identifier: Apache-2.0
// What is installed without npm: the tarball that has a Node, and Debian's package.
import { spawnSync } from 'node:child_process';
import { skip, test } from '../e2e/report.mjs';
import { Chroot } from './chroot.mjs';
import { judgeMeasuring } from './measures.mjs';

export async function judgeTarball(suite, tarball, work) {
  const chroot = new Chroot(suite, work);
  const path = chroot.bring(tarball);
  const unpacked = await chroot.run('tar', '-xzf', path, '--strip-components=1', '-C', '/usr/local');
  const node = await chroot.run('sh', '-c', 'command -v node || :');
  const why = unpacked.status !== 0 ? unpacked.stderr : node.stdout;
  test(`${suite}: the tarball is unpacked where there is no Node, ${unpacked.seconds.toFixed(1)} s`, why);
  await judgeMeasuring(chroot, 'tarball');
}

/** What is left of a package that is purged. */
const REMAINS = [
  '/usr/lib/joules',
  '/usr/bin/joules',
  '/etc/default/joules',
  '/usr/lib/systemd/system/joules.service',
];

export async function judgeDeb(suite, deb, work) {
  judgeByLintian(deb);
  const chroot = new Chroot(suite, work);
  const path = chroot.bring(deb);
  const updated = await chroot.run('apt-get', '-qq', 'update');
  if (updated.status !== 0) return skip(`${suite}: the Debian package`, new Error(updated.stderr));
  const install = [
    'env',
    'DEBIAN_FRONTEND=noninteractive',
    'apt-get',
    '-qq',
    '-y',
    '--no-install-recommends',
  ];
  const installed = await chroot.run(...install, 'install', path);
  test(
    `${suite}: apt installs the Debian package, ${installed.seconds.toFixed(1)} s`,
    installed.status !== 0 && installed.stderr,
  );
  if (installed.status !== 0) return undefined;
  await judgeMeasuring(chroot, 'deb');
  const unit = '/etc/systemd/system/multi-user.target.wants/joules.service';
  const enabled = await chroot.run('readlink', unit);
  test(
    `${suite}: its unit is enabled`,
    !/joules\.service/.test(enabled.stdout) && `${unit} is no link to it`,
  );
  const purged = await chroot.run(...install, 'purge', 'joules');
  const left = await chroot.run(
    'sh',
    '-c',
    `ls -d ${REMAINS.join(' ')} ${unit} 2>/dev/null; dpkg -l joules 2>/dev/null`,
  );
  test(`${suite}: purging it leaves nothing`, purged.status !== 0 ? purged.stderr : left.stdout);
  return undefined;
}

function judgeByLintian(deb) {
  const { error, status, stdout } = spawnSync('lintian', ['--fail-on=error,warning', deb], {
    encoding: 'utf8',
  });
  if (error) skip('lintian', new Error('it is not installed'));
  else test('lintian has nothing to say of the Debian package', status !== 0 && stdout);
}
