// SPDX-License-Identifier: Apache-2.0
// What a guest of arm64 has, made or fetched on amd64: the native part as it is passed on, Node of npm, and of Debian the rest.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeBpf, makeNative, nodeHeaders } from '../../deploy/packages/native.mjs';
import { sysroot, unpack } from '../../deploy/packages/sysroot.mjs';
import { nodeOf } from '../../deploy/packages/tarball.mjs';

const SUITE = 'bookworm';
const LIBRARIES =
  /^(ld-linux-aarch64\.so\.1|lib(c|m|stdc\+\+)\.so\.6|libdl\.so\.2|libpthread\.so\.0|libgcc_s\.so\.1)$/;

/** What is not ours, which may not be to be had; it stays below `cache`. */
export function fetchArm64(cache) {
  nodeHeaders();
  return {
    debian: fetch(join(cache, 'arm64')),
    roots: sysroot('arm64'),
    node: join(nodeOf('arm64'), 'bin/node'),
  };
}

/** As `ownSystem` of image.mjs, with what fetchArm64 returned; what is built is below `own`. */
export function arm64System({ debian, roots, node }, own) {
  const bpf = join(own, 'arm64/bpf');
  const natives = join(own, 'arm64/native');
  makeBpf(bpf);
  makeNative('linux-arm64-gnu', bpf, natives);
  const target = 'aarch64-linux-gnu';
  const { libc, libraries } = roots;
  const from = [`--target=${target}`, `--sysroot=${libc}`, `--gcc-toolchain=${join(libc, 'usr')}`];
  const headers = ['usr/include', `usr/include/${target}`].flatMap((path) => [
    '-isystem',
    join(libraries, path),
  ]);
  const directories = [`lib/${target}`, `usr/lib/${target}`];
  const found = directories.flatMap((directory) =>
    readdirSync(join(debian, directory))
      .filter((name) => LIBRARIES.test(name))
      .map((name) => [`lib/${target}/${name}`, join(debian, directory, name)]),
  );
  const loader = 'ld-linux-aarch64.so.1';
  return {
    node,
    busybox: join(debian, 'bin/busybox'),
    natives,
    libraries: new Map([...found, [`lib/${loader}`, join(debian, `lib/${target}`, loader)]]),
    compiler: ['clang', ...from, ...headers, '-fuse-ld=lld'],
  };
}

function fetch(directory) {
  if (existsSync(directory)) return directory;
  const partial = `${directory}.${process.pid}`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true });
  unpack(SUITE, 'arm64', ['busybox-static', 'libc6', 'libstdc++6', 'libgcc-s1'], partial);
  renameSync(partial, directory);
  return directory;
}
