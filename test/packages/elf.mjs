// SPDX-License-Identifier: Apache-2.0
// What an ELF file wants of the system that loads it.
import { must } from '../../deploy/packages/run.mjs';

/** What Node has for addons: Node-API, and two functions of libuv; a version tells the rest to be glibc's. */
const OF_NODE = /^(napi_|node_api_|uv_(spawn|close)$)/;

/** { glibc, needed, unknown }: the newest version of a symbol of glibc, the libraries by name, and symbols that nobody has. */
export function wants(path) {
  const symbols = must('llvm-objdump', ['-T', path]).matchAll(/\bGLIBC_([\d.]+)/g);
  const versions = [...symbols].map(([, version]) => version).toSorted(byVersion);
  const needed = must('llvm-objdump', ['-p', path]).matchAll(/NEEDED\s+(\S+)/g);
  const undefinedOnes = must('llvm-nm', ['-D', '--undefined-only', path]).matchAll(/^\s+U (\S+)$/gm);
  const unknown = [...undefinedOnes]
    .map(([, name]) => name)
    .filter((name) => !name.includes('@') && !OF_NODE.test(name));
  return { glibc: versions.at(-1), needed: [...needed].map(([, name]) => name), unknown };
}

export function byVersion(one, other) {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  return a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0);
}
