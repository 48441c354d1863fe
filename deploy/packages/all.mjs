#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// `npm run pack:all -- FOLDER`: makes all that is passed on, in a folder. Needs clang, lld and bpftool; what it compiles
// for other platforms with is fetched from Debian into the cache (0.3 GB).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeBpf, makeNative, PLATFORMS } from './native.mjs';
import { makeDeb } from './deb.mjs';
import { pack, stageMain, stagePlatform } from './npm.mjs';
import { makeTarball } from './tarball.mjs';

const [folder] = process.argv.slice(2);
if (!folder) {
  console.error('pack:all: a folder is missing: npm run pack:all -- FOLDER');
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'joules-packages-'));
try {
  makeAll(resolve(folder));
} catch (error) {
  console.error(`pack:all: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
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
