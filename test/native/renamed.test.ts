// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeOnKernel } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ROOT = join(__dirname, '../..');
const TIMES = 10;

describeOnKernel('a process that has executed a program', () => {
  it('goes by its new name where it ran before, while somebody learns what executables draw', () => {
    const program = join(temporaryDirectory(), 'renamed');
    const include = ['-Inative', '-Ibpf', '-Ibuild/Release/obj/gen/bpf'];
    const libraries = ['build/Release/probe.a', '-l:libbpf.a', '-lelf', '-lz'];
    execFileSync('g++', ['-std=c++17', ...include, 'test/native/renamed.cc', '-o', program, ...libraries], {
      cwd: ROOT,
    });
    const misnamed = JSON.parse(execFileSync(program, [`${TIMES}`], { encoding: 'utf8' })) as {
      heard: number;
      unheard: number;
    };
    expect(misnamed.heard).toBe(0);
    // Else it goes by the former one for up to 268 ms, so that this can be seen at all.
    expect(misnamed.unheard).toBeGreaterThan(0);
  });
});
