#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// npm run test:packages: makes all packages and installs them in bare Debian systems (chroots), where they measure.
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeBpf, makeNative, PLATFORMS } from '../../deploy/packages/native.mjs';
import { must, ROOT } from '../../deploy/packages/run.mjs';
import { hasFailed, skip, summary, tell, test } from '../e2e/report.mjs';
import { judgeElf } from './elf.mjs';
import { judgeArm64 } from './arm64.mjs';
import { judgeUnit } from './boot.mjs';
import { judgeImage } from './image.mjs';
import { judgeForm, judgeInstallation } from './npm.mjs';
import { judgeDeb, judgeTarball } from './system.mjs';

const work = mkdtempSync(join(tmpdir(), 'joules-test-packages-'));
const since = performance.now();
try {
  await main();
} catch (error) {
  test('runs to its end', error.stack);
} finally {
  rmSync(work, { recursive: true, force: true });
}
tell(`${((performance.now() - since) / 1000).toFixed(0)} s in all`);
summary();
process.exitCode = hasFailed() ? 1 : 0;

async function main() {
  if (process.getuid() !== 0) return skip('nothing is installed', new Error('chroots need root'));
  const folder = join(work, 'packages');
  must('node', [join(ROOT, 'deploy/packages/all.mjs'), folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const files = readdirSync(folder).map((name) => join(folder, name));
  for (const path of files) tell(`${path.split('/').at(-1)}: ${(statSync(path).size / 1000).toFixed(0)} kB`);
  const find = (pattern) => files.filter((path) => pattern.test(path));
  judgeNative();
  const [npm] = find(/otel-ebpf-energy-\d[^/]*\.tgz$/);
  judgeForm(npm, work);
  const packages = { main: npm, platforms: find(/energy-linux-[^/]*\.tgz$/) };
  for (const suite of ['bookworm', 'bullseye']) await judgeInstallation(suite, packages, work);
  await judgeImage('bookworm', join(work, 'again/linux-x64-gnu'), work);
  const [tarball] = find(/linux-x64\.tar\.gz$/);
  for (const suite of ['bookworm', 'bullseye']) await judgeTarball(suite, tarball, work);
  const [deb] = find(/_amd64\.deb$/);
  await judgeDeb('trixie', deb, work);
  await judgeUnit(deb, work);
  const [arm64Tarball, arm64Deb] = [find(/linux-arm64\.tar\.gz$/), find(/_arm64\.deb$/)].flat();
  await judgeArm64({ tarball: arm64Tarball, deb: arm64Deb, otherDeb: deb }, work);
}

/** Built again, elsewhere: the same bytes, which want no newer glibc and no other library. */
function judgeNative() {
  const bpf = join(work, 'again/bpf');
  makeBpf(bpf);
  for (const platform of Object.keys(PLATFORMS)) {
    const directory = join(work, 'again', platform);
    makeNative(platform, bpf, directory);
    const unpacked = join(work, platform);
    const tarball = readdirSync(join(work, 'packages')).find((name) => name.includes(platform));
    must('sh', [
      '-c',
      'mkdir -p "$1" && tar -xzf "$2" -C "$1"',
      'sh',
      unpacked,
      join(work, 'packages', tarball),
    ]);
    for (const name of ['energy.node', 'joules-load']) {
      const path = join(unpacked, 'package', name);
      for (const [what, why] of judgeElf(path)) test(`${platform}: ${what}`, why);
      const isSame = must('sh', ['-c', 'cmp "$1" "$2" 2>&1 || :', 'sh', path, join(directory, name)]);
      test(`${platform}: ${name} has the same bytes when it is built again elsewhere`, isSame);
    }
  }
}
