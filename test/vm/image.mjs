// SPDX-License-Identifier: Apache-2.0
// The guest's disk: this very checkout with its Node and libraries, busybox, and the rig's own programs.
import { cpSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { must } from './shell.mjs';

const BUILT = ['bin', 'dist', 'build/Release/energy.node', 'build/Release/joules-load', 'package.json'];

/** Makes an ext4 image; `modules`: kernel release to the file of the module for it. */
export function makeImage({ image, root, guest, modules }) {
  const tree = `${image}.d`;
  rmSync(tree, { recursive: true, force: true });
  for (const path of ['bin', 'dev', 'etc', 'out', 'proc', 'rig', 'sys', 'tmp', 'usr/bin', 'joules']) {
    mkdirSync(join(tree, path), { recursive: true });
  }
  for (const path of [...BUILT, ...productionModules(root)]) {
    cpSync(join(root, path), join(tree, 'joules', path), { recursive: true });
  }
  const busybox = must('sh', ['-c', 'command -v busybox']).trim();
  for (const [from, to] of [
    [process.execPath, 'usr/bin/node'],
    [busybox, 'bin/busybox'],
    [guest, 'rig'],
  ]) {
    cpSync(realpathSync(from), join(tree, to), { recursive: true });
  }
  const natives = ['energy.node', 'joules-load'].map((name) => join(root, 'build/Release', name));
  for (const library of libraries([process.execPath, ...natives])) {
    mkdirSync(join(tree, dirname(library)), { recursive: true });
    cpSync(realpathSync(library), join(tree, library));
  }
  for (const [release, file] of modules) cpSync(file, join(tree, 'rig', `${release}.ko`));
  for (const name of ['burn', 'programs']) {
    must('gcc', ['-O2', '-Wall', '-static', '-o', join(tree, 'rig', name), join(guest, `${name}.c`)]);
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
  return new Set(found);
}
