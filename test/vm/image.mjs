// SPDX-License-Identifier: Apache-2.0
// The guest's disk: this very checkout with its Node and libraries, busybox, and the rig's own programs.
import { cpSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { must } from './shell.mjs';

const BUILT = ['bin', 'dist', 'package.json'];
const NATIVE = ['energy.node', 'joules-load'];

/** What is of this machine in an image; arm64.mjs has it of another. */
export function ownSystem(root) {
  const natives = join(root, 'build/Release');
  const programs = [process.execPath, ...NATIVE.map((name) => join(natives, name))];
  return {
    node: process.execPath,
    busybox: must('sh', ['-c', 'command -v busybox']).trim(),
    /** Directory of energy.node and joules-load. */
    natives,
    /** From where they are looked for to where they are. */
    libraries: new Map(libraries(programs).map((path) => [path, path])),
    compiler: ['gcc'],
  };
}

/** Makes an ext4 image; `modules`: kernel release to the file of the module for it. */
export function makeImage({ image, root, guest, modules, system }) {
  const tree = `${image}.d`;
  rmSync(tree, { recursive: true, force: true });
  for (const path of ['bin', 'dev', 'etc', 'out', 'proc', 'rig', 'sys', 'tmp', 'usr/bin', 'joules']) {
    mkdirSync(join(tree, path), { recursive: true });
  }
  for (const path of [...BUILT, ...productionModules(root)]) {
    cpSync(join(root, path), join(tree, 'joules', path), { recursive: true });
  }
  for (const [from, to] of [
    [system.node, 'usr/bin/node'],
    [system.busybox, 'bin/busybox'],
    [guest, 'rig'],
    ...NATIVE.map((name) => [join(system.natives, name), join('joules/build/Release', name)]),
  ]) {
    cpSync(realpathSync(from), join(tree, to), { recursive: true });
  }
  for (const [path, from] of system.libraries) {
    mkdirSync(join(tree, dirname(path)), { recursive: true });
    cpSync(realpathSync(from), join(tree, path));
  }
  for (const [release, file] of modules) cpSync(file, join(tree, 'rig', `${release}.ko`));
  for (const name of ['burn', 'programs', 'turns']) {
    const [command, ...flags] = system.compiler;
    const files = ['-o', join(tree, 'rig', name), join(guest, `${name}.c`)];
    must(command, [...flags, '-O2', '-Wall', '-static', ...files]);
  }
  must('ln', ['-s', '/usr/bin/node', join(tree, 'bin/node')]);
  must('sh', [
    '-c',
    `printf '#!/bin/sh\\nexec node /joules/bin/joules "$@"\\n' > "$1"; chmod +x "$1" "$2"`,
    'sh',
    join(tree, 'rig/joules'),
    join(tree, 'rig/init'),
  ]);
  const megabytes = Number(must('du', ['-sm', tree]).split('\t')[0]);
  rmSync(image, { force: true });
  // Room for results; no journal: the disk is thrown away.
  must('mke2fs', [
    '-q',
    '-t',
    'ext4',
    '-O',
    '^has_journal',
    '-m',
    '0',
    '-d',
    tree,
    image,
    `${Math.ceil(megabytes * 1.15) + 48}M`,
  ]);
  rmSync(tree, { recursive: true });
}

function productionModules(root) {
  return must('npm', ['ls', '--omit=dev', '--all', '--parseable'], { cwd: root })
    .trim()
    .split('\n')
    .map((path) => relative(root, path))
    .filter((path) => path.startsWith('node_modules/'));
}

function libraries(programs) {
  const found = programs.flatMap((program) => must('ldd', [program]).match(/\/\S+\.so\S*/g) ?? []);
  return [...new Set(found)];
}
