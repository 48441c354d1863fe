// SPDX-License-Identifier: Apache-2.0
// joules_VERSION-1_ARCHITECTURE.deb: for the distribution's own Node, with the unit of systemd.
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { GLIBC, PLATFORMS } from './native.mjs';
import { readPackage } from './npm.mjs';
import { EPOCH, kilobytes, must, ROOT } from './run.mjs';
import { makeTree, writeLauncher } from './tree.mjs';

const SOURCE = join(ROOT, 'deploy/debian');
/** Whoever publishes it says so by Debian's own variables. */
const { DEBFULLNAME = 'otel-ebpf-energy maintainers', DEBEMAIL = 'maintainers@example.org' } = process.env;
const MAINTAINER = `${DEBFULLNAME} <${DEBEMAIL}>`;

export function makeDeb(platform, built, work, folder) {
  const { version } = readPackage();
  const { debian } = PLATFORMS[platform];
  const root = join(work, `deb-${debian}`);
  const shared = join(root, 'usr/share');
  const library = join(root, 'usr/lib/joules');
  makeTree(platform, built, library);
  writeLauncher(join(root, 'usr/bin/joules'), '/usr/bin/node', '/usr/lib/joules/bin/joules');
  chmodSync(join(library, 'build/Release/energy.node'), 0o644);
  put(join(ROOT, 'deploy/systemd/joules.service'), join(root, 'usr/lib/systemd/system'));
  put(join(SOURCE, 'default'), join(root, 'etc/default'), 'joules');
  putZipped(join(ROOT, 'dist/joules.1'), join(shared, 'man/man1'), 'joules.1.gz');
  const documents = join(shared, 'doc/joules');
  putZipped(join(ROOT, 'CHANGELOG.md'), documents, 'changelog.gz');
  writeFileSync(join(work, 'changelog'), changelog(version));
  putZipped(join(work, 'changelog'), documents, 'changelog.Debian.gz');
  writeFileSync(join(documents, 'copyright'), copyright(join(library, 'node_modules')));
  cpSync(join(ROOT, 'deploy/systemd/drop-ins'), join(documents, 'examples/drop-ins'), { recursive: true });
  put(join(SOURCE, 'lintian-overrides'), join(shared, 'lintian/overrides'), 'joules');
  // Texts of licences are in base-files or in copyright.
  must('rm', ['-r', join(library, 'licences'), join(library, 'LICENSE')]);
  must('sh', ['-c', 'find "$1" -name "LICENSE.*" -delete', 'sh', join(library, 'node_modules')]);
  writeControl(root, { version, debian });
  must('sh', [
    '-c',
    'find "$1" -type d -exec chmod 755 {} +; find "$1" -exec touch -hd @"$2" {} +',
    'sh',
    root,
    EPOCH,
  ]);
  const deb = join(folder, `joules_${version}-1_${debian}.deb`);
  must('dpkg-deb', ['--root-owner-group', '-Zxz', '-b', root, deb], {
    env: { ...process.env, SOURCE_DATE_EPOCH: EPOCH },
  });
  console.error(`${deb}: ${kilobytes(statSync(deb).size)}`);
  return deb;
}

function put(from, directory, name = from.split('/').at(-1)) {
  mkdirSync(directory, { recursive: true });
  copyFileSync(from, join(directory, name));
  chmodSync(join(directory, name), 0o644);
}

function putZipped(from, directory, name) {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), must('gzip', ['-9nc', from], { encoding: 'buffer' }));
}

const APACHE = 'Apache-2.0: on Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.';

/** Ours, and of each bundled dependency the licences of all that is in it. */
function copyright(modules) {
  const licences = readdirSync(modules, { recursive: true }).filter((path) => /\/LICENSE\.[^/]+$/.test(path));
  const paragraphs = licences.toSorted().map((path) => {
    const text = readFileSync(join(modules, path), 'utf8').trimEnd().split('\n');
    const isApache = text.some((line) => /Apache License/.test(line)) && text.length > 100;
    const lines = (isApache ? [APACHE] : text).map((line) => ` ${line.trim() === '' ? '.' : line}`);
    const name = path.split('/LICENSE.').at(-1);
    const owner = text.find((line) => /copyright .*\d{4}/i.test(line))?.trim() ?? `The authors of ${name}`;
    const files = `usr/lib/joules/node_modules/${dirname(path)}/*`;
    return `Files: ${files}\nCopyright: ${owner}\nLicense: of-${name}\n${lines.join('\n')}\n`;
  });
  return [readFileSync(join(SOURCE, 'copyright'), 'utf8'), ...paragraphs].join('\n');
}

function changelog(version) {
  return `joules (${version}-1) unstable; urgency=medium\n\n  * See changelog.gz.\n\n -- ${MAINTAINER}  ${new Date(EPOCH * 1000).toUTCString().replace('GMT', '+0000')}\n`;
}

function writeControl(root, { version, debian }) {
  const control = join(root, 'DEBIAN');
  mkdirSync(control);
  const size = must('du', ['-sk', '--apparent-size', join(root, 'usr')]).split('\t')[0];
  const text = readFileSync(join(SOURCE, 'control'), 'utf8');
  const filled = { VERSION: `${version}-1`, ARCHITECTURE: debian, SIZE: size, GLIBC, MAINTAINER };
  const fields = text.replace(/@(\w+)@/g, (_, name) => filled[name]);
  writeFileSync(join(control, 'control'), fields);
  writeFileSync(join(control, 'conffiles'), '/etc/default/joules\n');
  for (const script of ['postinst', 'prerm', 'postrm']) {
    copyFileSync(join(SOURCE, script), join(control, script));
    chmodSync(join(control, script), 0o755);
  }
  const sums = 'cd "$1" && find usr etc -type f | LC_ALL=C sort | xargs md5sum >DEBIAN/md5sums';
  must('sh', ['-c', sums, 'sh', root]);
}
