// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const FILES = readdirSync(join(ROOT, 'native'));
const HEADERS = FILES.filter((file) => file.endsWith('.h'));

/** For each pair of NAME.h and NAME.cc the other ones that it includes. */
function includes(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const file of FILES) {
    const name = file.replace(/\.\w+$/, '');
    const others = found.get(name) ?? new Set();
    for (const [, other] of readFileSync(join(ROOT, 'native', file), 'utf8').matchAll(
      /^#include "(\w+)\.h"/gm,
    ))
      if (other !== name && HEADERS.includes(`${other}.h`)) others.add(other!);
    found.set(name, others);
  }
  return found;
}

describe('the files of native/', () => {
  it('include one another in one direction', () => {
    const left = includes();
    expect(left.size).toBeGreaterThan(10);
    for (;;) {
      // Takes those away that include none of what is left; what cannot be taken away is in a circle, or above one.
      const leaves = [...left].filter(([, others]) => [...others].every((other) => !left.has(other)));
      if (leaves.length === 0) break;
      for (const [name] of leaves) left.delete(name);
    }
    expect([...left.keys()]).toEqual([]);
  });

  it.each(HEADERS)('%s can be read alone', (header) => {
    const addonApi = join(ROOT, 'node_modules/node-addon-api');
    const node = ['/usr', join(process.execPath, '../..')].map((prefix) => `-I${prefix}/include/node`);
    const paths = ['-Inative', '-Ibpf', '-Ibuild/Release/obj/gen/bpf', `-I${addonApi}`, ...node];
    const settings = [
      '-std=c++17',
      '-fno-exceptions',
      '-DNAPI_VERSION=9',
      '-DNODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
    ];
    const { stderr, status } = spawnSync(
      'g++',
      [...settings, ...paths, '-fsyntax-only', '-x', 'c++', '-include', `native/${header}`, '/dev/null'],
      { encoding: 'utf8', cwd: ROOT },
    );
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
