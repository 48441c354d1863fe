// SPDX-License-Identifier: Apache-2.0
// What an ELF file wants of the system that loads it.
import { basename } from 'node:path';
import { GLIBC } from '../../deploy/packages/native.mjs';
import { must } from '../../deploy/packages/run.mjs';

/** What Node has for addons: Node-API, and two functions of libuv; a version tells the rest to be glibc's. */
const OF_NODE = /^(napi_|node_api_|uv_(spawn|close)$)/;

/** What is part of glibc. */
const LIBC = /^(libc\.so\.6|libm\.so\.6|libpthread\.so\.0|ld-linux-(x86-64\.so\.2|aarch64\.so\.1))$/;

/** [what, why] of each thing that a file which is passed on is to keep to; `why` is false where it does. */
export function judgeElf(path) {
  const name = basename(path);
  const { glibc, needed, unknown } = wants(path);
  return [
    [`${name} wants glibc ${glibc}`, byVersion(glibc, GLIBC) > 0 && `more than ${GLIBC}`],
    [`${name} wants no other library`, needed.filter((one) => !LIBC.test(one)).join()],
    [`${name} wants no function that nobody has`, unknown.join()],
  ];
}

/** { glibc, needed, unknown }: the newest version of a symbol of glibc, the libraries by name, and symbols that nobody has. */
function wants(path) {
  const symbols = must('llvm-objdump', ['-T', path]).matchAll(/\bGLIBC_([\d.]+)/g);
  const versions = [...symbols].map(([, version]) => version).toSorted(byVersion);
  const needed = must('llvm-objdump', ['-p', path]).matchAll(/NEEDED\s+(\S+)/g);
  const undefinedOnes = must('llvm-nm', ['-D', '--undefined-only', path]).matchAll(/^\s+U (\S+)$/gm);
  const unknown = [...undefinedOnes]
    .map(([, name]) => name)
    .filter((name) => !name.includes('@') && !OF_NODE.test(name));
  return { glibc: versions.at(-1), needed: [...needed].map(([, name]) => name), unknown };
}

function byVersion(one, other) {
  const [a, b] = [one, other].map((version) => version.split('.').map(Number));
  return a[0] - b[0] || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0);
}
