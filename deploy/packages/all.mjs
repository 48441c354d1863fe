#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run pack:all -- FOLDER`: makes all that is passed on, in a folder; `npm run pack:tree -- FOLDER`: what an image has.
// Needs clang, lld and bpftool; what it compiles for other platforms with is fetched from Debian into the cache (0.3 GB).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeBpf, makeNative, PLATFORMS } from './native.mjs';
import { makeDeb } from './deb.mjs';
import { pack, stageMain, stagePlatform } from './npm.mjs';
import { makeTree } from './tree.mjs';
import { makeTarball } from './tarball.mjs';

const [folder, ...more] = process.argv.slice(2).filter((word) => word !== '--tree');
const isTree = process.argv.includes('--tree');
if (!folder || more.length > 0) {
  console.error('pack: takes one folder: npm run pack:all -- FOLDER, or npm run pack:tree -- FOLDER');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'joules-packages-'));
try {
  if (isTree) makeOwn(resolve(folder));
  else makeAll(resolve(folder));
} catch (error) {
  console.error(`pack: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** What an image has: the tree for this machine's platform. */
function makeOwn(target) {
  const [platform] = Object.entries(PLATFORMS).find(([, { cpu }]) => cpu === process.arch) ?? [];
  if (!platform) throw new Error(`there is no platform for ${process.arch}`);
  const bpf = join(work, 'bpf');
  makeBpf(bpf);
  makeNative(platform, bpf, join(work, 'built'));
  makeTree(platform, join(work, 'built'), target);
}

function makeAll(target) {
  mkdirSync(target, { recursive: true });
  const bpf = join(work, 'bpf');
  makeBpf(bpf);
  for (const platform of Object.keys(PLATFORMS)) {
    const built = join(work, 'built', platform);
    makeNative(platform, bpf, built);
    stagePlatform(platform, built, join(work, platform));
    pack(join(work, platform), target);
    makeTarball(platform, built, work, target);
    makeDeb(platform, built, work, target);
  }
  stageMain(join(work, 'main'));
  pack(join(work, 'main'), target);
}
