// SPDX-License-Identifier: Apache-2.0
// The packages of npm: ours in JavaScript, and beside it one for each platform, of which npm takes the one that fits. The
// names of the latter come into our package.json here alone: they cannot be locked in a clone before they are published.
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PLATFORMS } from './native.mjs';
import { kilobytes, must, ROOT } from './run.mjs';
import { sysroot } from './sysroot.mjs';

const SCOPE = '@otel-ebpf-energy';
const KEPT = [
  'name',
  'version',
  'description',
  'keywords',
  'license',
  'main',
  'types',
  'exports',
  'typesVersions',
  'bin',
  'engines',
  'type',
  'man',
];
const ALSO_KEPT = ['os', 'peerDependencies', 'dependencies'];
/** What people read, in our package and in the tarball; the README's links to other files lead to these. */
export const DOCUMENTS = ['README.md', 'LICENSE', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs'];
/** What the command is run by. */
export const COMMAND = ['bin/joules', 'bin/bundle.cjs'];
/** Of what is linked statically into the native part. */
const LICENCES = ['Apache-2.0', 'GPL-2', 'GPL-3', 'LGPL-2.1', 'LGPL-3'];
const COPYRIGHTS = { libraries: ['libbpf-dev', 'libelf-dev', 'zlib1g-dev'], libc: ['gcc-10-base'] };

export const readPackage = () => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Makes the tree of our package in `directory`. */
export function stageMain(directory) {
  const all = readPackage();
  const kept = Object.fromEntries([...KEPT, ...ALSO_KEPT].map((name) => [name, all[name]]));
  const platforms = Object.keys(PLATFORMS).map((platform) => [`${SCOPE}/${platform}`, all.version]);
  const own = {
    ...kept,
    files: [...DOCUMENTS, ...COMMAND, 'dist'],
    optionalDependencies: Object.fromEntries(platforms),
  };
  mkdirSync(join(directory, 'bin'), { recursive: true });
  copyDocuments(directory);
  for (const path of COMMAND) cpSync(join(ROOT, path), join(directory, path));
  // Maps lead to sources that are not there; what V8 compiled is for the Node that set-up ran on alone.
  const isPassedOn = (path) => !/\.(map|stamp|v8)$/.test(path);
  cpSync(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true, filter: isPassedOn });
  writeJson(join(directory, 'package.json'), own);
}

/** Copies the documents to `directory`, with such links alone as lead to one of them. */
export function copyDocuments(directory) {
  for (const path of DOCUMENTS) cpSync(join(ROOT, path), join(directory, path), { recursive: true });
  unlinkSources(directory);
}

/** Links of documents to what a clone alone has become plain text. */
function unlinkSources(directory) {
  const isOurs = (name) => name.endsWith('.md') && DOCUMENTS.includes(name.split('/')[0]);
  const documents = readdirSync(directory, { recursive: true }).filter(isOurs);
  for (const path of documents.map((name) => join(directory, name))) {
    const text = readFileSync(path, 'utf8');
    const isThere = (target) => existsSync(join(dirname(path), target.split('#')[0]));
    const isLocal = (target) => !/^(#|[a-z]+:)/.test(target);
    const kept = text.replace(/\[([^\]\n]+)\]\(([^)\s]+)\)/g, (link, words, target) =>
      isLocal(target) && !isThere(target) ? words : link,
    );
    writeFileSync(path, kept);
  }
}

/** Makes the tree of a platform's package in `directory` of what makeNative left in `built`. */
export function stagePlatform(platform, built, directory) {
  const { version, engines } = readPackage();
  mkdirSync(directory, { recursive: true });
  for (const name of ['energy.node', 'joules-load']) copyFileSync(join(built, name), join(directory, name));
  copyLicences(platform, directory);
  const { cpu, debian } = PLATFORMS[platform];
  writeFileSync(join(directory, 'README.md'), describePlatform(platform));
  writeJson(join(directory, 'package.json'), {
    name: `${SCOPE}/${platform}`,
    version,
    description: `Native part of otel-ebpf-energy for ${platform}`,
    license:
      'Apache-2.0 AND (GPL-2.0-only OR BSD-2-Clause) AND (LGPL-2.1-only OR BSD-2-Clause) AND ' +
      '(GPL-2.0-or-later OR LGPL-3.0-or-later) AND Zlib AND GPL-3.0-or-later WITH GCC-exception-3.1',
    os: ['linux'],
    cpu: [cpu],
    libc: ['glibc'],
    engines,
    main: 'energy.node',
    files: ['energy.node', 'joules-load', 'licences'],
    builtWith: { compiler: must('clang', ['--version']).split('\n')[0], ...versions(debian) },
  });
}

function versions(debian) {
  return JSON.parse(readFileSync(join(sysroot(debian).directory, 'versions.json'), 'utf8'));
}

function describePlatform(platform) {
  return `# ${SCOPE}/${platform}

Native part of otel-ebpf-energy, which npm installs beside it on this
platform. libbpf, libelf (elfutils), zlib, libstdc++ and libgcc are linked statically, as Debian has built them
(\`builtWith\` in package.json has the versions); \`licences/\` has their terms. To link it with another libelf run
\`npm run pack:all -- FOLDER\` in a clone of otel-ebpf-energy.
`;
}

export function copyLicences(platform, directory) {
  const roots = sysroot(PLATFORMS[platform].debian);
  const licences = join(directory, 'licences');
  mkdirSync(licences, { recursive: true });
  for (const name of LICENCES) copyFileSync(join('/usr/share/common-licenses', name), join(licences, name));
  for (const [root, packages] of Object.entries(COPYRIGHTS)) {
    for (const name of packages)
      copyFileSync(join(roots[root], 'usr/share/doc', name, 'copyright'), join(licences, name));
  }
  copyFileSync(join(ROOT, 'LICENSE'), join(directory, 'LICENSE'));
}

/** Packs a tree into `folder`, says how large it is, and returns the tarball's path. */
export function pack(directory, folder) {
  const [{ filename, unpackedSize }] = JSON.parse(
    must('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: directory }),
  );
  const tarball = join(folder, basename(filename));
  console.error(`${tarball}: ${kilobytes(statSync(tarball).size)}, ${kilobytes(unpackedSize)} unpacked`);
  return tarball;
}

function writeJson(path, value) {
  rmSync(path, { force: true });
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
