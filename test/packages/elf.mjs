// SPDX-License-Identifier: Apache-2.0
// What an ELF file wants of the system that loads it.
import { must } from '../../deploy/packages/run.mjs';

/** { glibc, needed }: the newest version of a symbol of glibc, and the libraries by name. */
export function wants(path) {
  const symbols = must('llvm-objdump', ['-T', path]).matchAll(/\bGLIBC_([\d.]+)/g);
  const versions = [...symbols].map(([, version]) => version).toSorted(byVersion);
  const needed = must('llvm-objdump', ['-p', path]).matchAll(/NEEDED\s+(\S+)/g);
  return { glibc: versions.at(-1), needed: [...needed].map(([, name]) => name) };
}

export function byVersion(one, other) {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  return a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0);
}
