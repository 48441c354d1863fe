// SPDX-License-Identifier: Apache-2.0
// What is installed without npm: our JavaScript, the native part of one platform, and each dependency as a single file.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { COMMAND, copyLicences, readPackage } from './npm.mjs';
import { must, ROOT } from './run.mjs';

/** How the shell that bin/joules begins with, which is what npm installs, chooses the flags of Node; and those. */
const [, CHOICE, NODE_FLAGS] = /^':' \/\/; (.*flags='(.*)'.*); exec/m.exec(
  readFileSync(join(ROOT, 'bin/joules'), 'utf8'),
);
export { NODE_FLAGS };

/** Makes /usr/lib/joules or what is like it: `directory`/dist, node_modules and build/Release. */
export function makeTree(platform, built, directory) {
  const { name, version, license } = readPackage();
  const native = join(directory, 'build/Release');
  mkdirSync(native, { recursive: true });
  for (const file of ['energy.node', 'joules-load']) copyFileSync(join(built, file), join(native, file));
  const isRun = (path) => !/\.(map|d\.ts|stamp|v8|1)$/.test(path);
  cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true, filter: isRun });
  writeFileSync(
    join(directory, 'package.json'),
    `${JSON.stringify({ name, version, license, type: 'commonjs' })}\n`,
  );
  mkdirSync(join(directory, 'bin'));
  // The launcher gives the flags that the first lines of bin/joules give.
  for (const path of COMMAND)
    writeFileSync(
      join(directory, path),
      readFileSync(join(ROOT, path), 'utf8').replace(/^#!.*\n':'.*\n/, ''),
    );
  bundleDependencies(join(directory, 'node_modules'));
  copyLicences(platform, directory);
}

/** Each of our dependencies with all of its own in one file: what two of them share (the API) is a package still. */
function bundleDependencies(directory) {
  const { dependencies, peerDependencies } = readPackage();
  const names = Object.keys({ ...dependencies, ...peerDependencies });
  const from = createRequire(join(ROOT, 'package.json'));
  const esbuild = join(ROOT, 'node_modules/.bin/esbuild');
  for (const name of names) {
    const target = join(directory, name);
    mkdirSync(target, { recursive: true });
    const externals = names.filter((other) => other !== name).map((other) => `--external:${other}`);
    const flags = [
      '--bundle',
      '--platform=node',
      '--target=node20',
      '--legal-comments=inline',
      '--log-level=error',
    ];
    const metafile = join(target, 'meta.json');
    const outputs = [`--outfile=${join(target, 'index.js')}`, `--metafile=${metafile}`];
    must(esbuild, [from.resolve(name), ...flags, ...externals, ...outputs], { cwd: ROOT });
    copyLicencesOf(metafile, target);
    const { version, license } = JSON.parse(
      readFileSync(join(packageOf(from.resolve(name)), 'package.json'), 'utf8'),
    );
    writeFileSync(
      join(target, 'package.json'),
      `${JSON.stringify({ name, version, license, main: 'index.js' })}\n`,
    );
  }
}

/** Of every package that a bundle has taken something from. */
function copyLicencesOf(metafile, target) {
  const { inputs } = JSON.parse(readFileSync(metafile, 'utf8'));
  const directories = new Set(Object.keys(inputs).map((path) => packageOf(join(ROOT, path))));
  for (const directory of directories) {
    const licence = readdirSync(directory).find((name) => /^licen[cs]e/i.test(name));
    const name = directory.split('node_modules/').at(-1).replace('/', '-');
    if (licence) copyFileSync(join(directory, licence), join(target, `LICENSE.${name}`));
  }
  must('rm', [metafile]);
}

function packageOf(path) {
  let directory = dirname(path);
  const isRoot = (one) =>
    existsSync(join(one, 'package.json')) && basename(dirname(one)) !== 'build' && hasName(one);
  while (!isRoot(directory)) directory = dirname(directory);
  return directory;
}

function hasName(directory) {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')).name !== undefined;
}

/** A shell script that runs joules with a Node that it finds by `node`, an expression of the shell. */
export function writeLauncher(path, node, script) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n${CHOICE}\nexec ${node} $flags ${script} "$@"\n`,
  );
  chmodSync(path, 0o755);
}
