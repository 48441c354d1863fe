// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeOnKernel } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** What core_learner.cc prints: the first five of learning, the others of `owners`. */
interface Found {
  readonly windows: number;
  readonly corrections: number;
  /** What BPF was made to believe of the ratio of their powers, as a part of what it is, and what it does in the end. */
  readonly distorted: number;
  readonly ratio: number;
  /** Whether BPF logs on. */
  readonly listens: boolean;
  readonly corrected: number;
  /** Times that the second process had a power that was learned of the first. */
  readonly strange: number;
}

const ROOT = join(__dirname, '../..');

describeOnKernel('the thread that learns from counters of cores', () => {
  let program: string;
  const run = (...words: string[]): Found =>
    JSON.parse(execFileSync(program, words, { encoding: 'utf8' })) as Found;
  beforeAll(() => {
    program = join(temporaryDirectory(), 'core_learner');
    const include = ['-Inative', '-Ibpf', '-Ibuild/Release/obj/gen/bpf'];
    const libraries = ['build/Release/probe.a', '-l:libbpf.a', '-lelf', '-lz', '-pthread'];
    execFileSync(
      'g++',
      ['-std=c++17', '-O1', ...include, 'test/native/core_learner.cc', '-o', program, ...libraries],
      { cwd: ROOT },
    );
  });

  it('corrects what BPF believes of two that take turns, and lets BPF log nothing any more when it ends', () => {
    const found = run();
    expect(found.distorted).toBeLessThan(0.2);
    expect(found.corrections).toBeGreaterThan(0);
    expect(found.windows).toBeGreaterThan(10);
    expect(found.ratio).toBeGreaterThan(1 / 1.5);
    expect(found.ratio).toBeLessThan(1.5);
    expect(found.listens).toBe(false);
  });

  it('never gives a process what was learned of the one that had its entry before', () => {
    const { corrected, strange } = run('owners');
    expect(corrected).toBeGreaterThan(0);
    expect(strange).toBe(0);
  });
});
