// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { sum } from '../../src/util/sum.ts';
import { describeOnKernel } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

interface Drain {
  readonly timeNs: number;
  /** By CPU what its TSC counted since the drain before. */
  readonly counts: readonly number[];
}

const ROOT = join(__dirname, '../..');

describeOnKernel('the end of an interval', () => {
  it('fits what was counted in it, also where the CPUs swap their buffers at different times', () => {
    const program = join(temporaryDirectory(), 'interval');
    const libraries = ['build/Release/probe.a', '-l:libbpf.a', '-lelf', '-lz'];
    const options = ['-std=c++17', '-Inative', '-Wl,--wrap=bpf_prog_test_run_opts'];
    execFileSync('g++', [...options, 'test/native/interval.cc', '-o', program, ...libraries], { cwd: ROOT });
    const [first, late, last] = JSON.parse(execFileSync(program, { encoding: 'utf8' })) as [
      Drain,
      Drain,
      Drain,
    ];
    const rate = (drains: readonly Drain[], since: Drain): number =>
      sum(drains.flatMap(({ counts }) => counts)) /
      late.counts.length /
      (drains.at(-1)!.timeNs - since.timeNs);
    // By the clock before the first CPU swaps these are twice and half of the truth.
    const truth = rate([late, last], first);
    expect(rate([late], first) / truth).toBeCloseTo(1, 2);
    expect(rate([last], late) / truth).toBeCloseTo(1, 2);
  });
});
