// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../..');
const HEADERS = readdirSync(join(ROOT, 'bpf')).filter((name) => name.endsWith('.h'));
const SHARED = ['energy.h', 'energy_model.h', 'energy_events.h', 'energy_spills.h'];
const OURS = HEADERS.filter((name) => name.endsWith('.bpf.h'));

describe('a header of bpf/', () => {
  it.each(OURS)('%s compiles by itself: it includes what it uses', (name) => {
    expect(compile('clang', ['-target', 'bpf', '-mcpu=v3', '-D__TARGET_ARCH_x86', '-x', 'c'], name)).toBe('');
  });

  it.each(SHARED)('that native code reads too, %s, compiles by itself as C and as C++', (name) => {
    expect(compile('clang', ['-x', 'c'], name)).toBe('');
    expect(compile('g++', ['-x', 'c++'], name)).toBe('');
  });

  it('is named in binding.gyp, so that a change of it builds the object anew', () => {
    const inputs = readFileSync(join(ROOT, 'binding.gyp'), 'latin1').matchAll(/'bpf\/(\S+\.h)'/g);
    expect(new Set([...inputs].map(([, name]) => name))).toEqual(new Set(HEADERS));
  });
});

/** What a compiler says of a file that includes nothing but one header. */
function compile(compiler: string, args: readonly string[], header: string): string {
  const { status, stderr } = spawnSync(
    compiler,
    [...args, '-fsyntax-only', '-Wall', '-Werror', '-Ibpf', '-include', header, '/dev/null'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  return status === 0 ? '' : stderr;
}
