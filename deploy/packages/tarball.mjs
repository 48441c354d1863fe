// SPDX-License-Identifier: Apache-2.0
// joules-VERSION-PLATFORM.tar.gz: unpacked anywhere it runs, with a Node of its own.
import { copyFileSync, cpSync, existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PLATFORMS } from './native.mjs';
import { copyDocuments, readPackage } from './npm.mjs';
import { CACHE, EPOCH, kilobytes, must, ROOT } from './run.mjs';
import { makeTree, writeLauncher } from './tree.mjs';

/** Node as npm has it for each platform; it wants glibc 2.28, and the libstdc++ of the system. */
const NODE = '22.23.5';

export function makeTarball(platform, built, work, folder) {
  const { version } = readPackage();
  const name = `joules-${version}-${platform.replace('-gnu', '')}`;
  const directory = join(work, name);
  makeTree(platform, built, join(directory, 'lib/joules'));
  const node = join(directory, 'lib/joules/bin/node');
  const from = nodeOf(PLATFORMS[platform].cpu);
  // Its symbols, a quarter of it, are for debuggers.
  must('llvm-strip', ['-o', node, join(from, 'bin/node')]);
  copyFileSync(join(from, 'LICENSE'), join(directory, 'lib/joules/licences/node'));
  writeLauncher(
    join(directory, 'bin/joules'),
    '"$here/lib/joules/bin/node"',
    '"$here/lib/joules/bin/joules"',
  );
  must('sed', [
    '-i',
    '/^exec/i here=$(dirname "$(dirname "$(readlink -f "$0")")")',
    join(directory, 'bin/joules'),
  ]);
  mkdirSync(join(directory, 'share/man/man1'), { recursive: true });
  copyFileSync(join(ROOT, 'dist/joules.1'), join(directory, 'share/man/man1/joules.1'));
  cpSync(join(ROOT, 'deploy/systemd'), join(directory, 'share/systemd'), { recursive: true });
  copyDocuments(directory);
  const tarball = join(folder, `${name}.tar.gz`);
  const sorted = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${EPOCH}`];
  must('tar', ['-C', work, ...sorted, '-cf', tarball, '-I', 'gzip -6n', name]);
  console.error(`${tarball}: ${kilobytes(statSync(tarball).size)}`);
  return tarball;
}

export function nodeOf(cpu) {
  const directory = join(CACHE, `node-${NODE}-${cpu}`);
  if (existsSync(directory)) return directory;
  const partial = `${directory}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  must('npm', ['pack', '--silent', '--pack-destination', partial, `node-linux-${cpu}@${NODE}`]);
  must('sh', ['-c', 'tar -xzf "$1"/*.tgz --strip-components=1 -C "$1" && rm "$1"/*.tgz', 'sh', partial]);
  renameSync(partial, directory);
  return directory;
}
