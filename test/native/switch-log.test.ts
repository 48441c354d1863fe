// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describeOnKernel } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** What switches.cc prints. */
interface Found {
  readonly ns: number;
  /** Entries written while nobody listened. */
  readonly silent: number;
  /** CPU 0 has loads that yield to one another, the last one a load that is always busy. */
  readonly cpus: readonly {
    readonly records: number;
    /** Times that entries had been overwritten when they were taken. */
    readonly lost: number;
    readonly broken: number;
    readonly backwards: number;
    readonly ticks: number;
  }[];
  /** Run time of each between two drains, ns. */
  readonly loads: readonly { readonly logged: number; readonly rows: number }[];
}

const ROOT = join(__dirname, '../..');

describeOnKernel('the log of switches', () => {
  let program: string;
  const run = (...args: string[]): Found =>
    JSON.parse(execFileSync(program, args, { encoding: 'utf8' })) as Found;
  beforeAll(() => {
    program = join(temporaryDirectory(), 'switches');
    const include = ['-Inative', '-Ibpf', '-Ibuild/Release/obj/gen/bpf'];
    const libraries = ['build/Release/probe.a', '-l:libbpf.a', '-lelf', '-lz'];
    execFileSync('g++', ['-std=c++17', ...include, 'test/native/switches.cc', '-o', program, ...libraries], {
      cwd: ROOT,
    });
  });

  it('has every switch, and the time of each process as its rows have it', () => {
    const { cpus, loads } = run('1000');
    for (const { lost, broken, backwards } of cpus)
      expect({ lost, broken, backwards }).toEqual({ lost: 0, broken: 0, backwards: 0 });
    // Thousands a second, on a CPU that is shared with others, too.
    expect(cpus[0]!.records).toBeGreaterThan(10_000);
    for (const { logged, rows } of loads) {
      expect(rows).toBeGreaterThan(0);
      // The log is read from a moment before the first drain on; interrupts and what a hypervisor takes are nobody's
      // in rows.
      expect(Math.abs(logged - rows)).toBeLessThan(2e6 + 0.02 * rows);
    }
  });

  it('has the ticks of a task that does not switch, so that it is not taken for idle', () => {
    const { ns, cpus } = run('1000');
    // Of the last CPU, every 10 ms at least.
    expect(cpus.at(-1)!.ticks).toBeGreaterThan(ns / 20e6);
  });

  it('tells what was overwritten before it was taken, and keeps the rest', () => {
    const [{ lost, records, broken }] = run('500', 'late').cpus as [Found['cpus'][number]];
    expect(lost).toBe(1);
    // The next one may be being written, and more come while they are copied.
    expect(records).toBeGreaterThan(0);
    expect(records).toBeLessThan(2048);
    expect(broken).toBe(0);
  });

  it('is written only while somebody listens', () => {
    expect(run('50').silent).toBe(0);
  });
});
