// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../root.ts';
import { type Judged, type Result, run } from './run.ts';

const SECONDS = 5;
const results = new Map<string, Promise<Result>>();
const resultOf = (load: string, threads: number): Promise<Result> => {
  const key = `${load} ${threads}`;
  const result = results.get(key) ?? run({ load, threads, packages: 1, seed: 1, seconds: SECONDS });
  results.set(key, result);
  return result;
};
const last = ({ intervals }: Result): Judged => intervals.at(-1)!;

/** Load, threads, and the part of time split's share error that is to be left after some seconds. */
const CASES = [
  ['batch', 4, 0.4],
  ['server', 4, 0.4],
  ['quiet', 4, 0.4],
  ['hotlight', 4, 0.2],
  ['batch', 16, 0.3],
  ['shorts', 16, 0.4],
  ['containers', 16, 0.5],
  ['lockstep', 16, 0.6],
] as const;

describe('packages, metered by the source of BPF and the model', () => {
  it.each(CASES)(
    '%s on %i threads: who used more than whom is much better known than by time',
    async (load, threads, left) => {
      const { learned, time } = last(await resultOf(load, threads));
      expect(time.share).toBeGreaterThan(0.1);
      expect(learned.share).toBeLessThan(left * time.share);
      expect(learned.misattributed).toBeLessThan(0.6 * time.misattributed);
      expect(learned.labelled).toBe(1);
    },
  );

  const all: readonly (readonly [load: string, threads: number])[] = [
    ...CASES.map(([load, threads]) => [load, threads] as const),
    ['homog', 16],
    ['pinned', 4],
    ['smt', 4],
  ];
  it.each(all)('%s on %i threads: never worse than time, and the ledger closes', async (load, threads) => {
    for (const { learned, time } of (await resultOf(load, threads)).intervals) {
      expect(learned.share).toBeLessThan(time.share + 0.005);
      expect(Math.abs(learned.residual)).toBeLessThan(1e-9);
      expect(Math.abs(time.residual)).toBeLessThan(1e-9);
    }
  });

  // Those of `shorts` are too small to be judged on their own.
  it.each(CASES.filter(([load]) => load !== 'shorts'))(
    '%s on %i threads: nine of ten tasks are within two standard deviations',
    async (load, threads) => {
      expect(last(await resultOf(load, threads)).learned.within2).toBeGreaterThanOrEqual(0.9);
    },
  );

  it('are split by time, and told to be, where all tasks draw the same', async () => {
    const { learned, time } = last(await resultOf('homog', 16));
    expect(learned.labelled).toBeLessThan(0.5);
    expect(learned.within2).toBeNull();
    // What is static and what idles is known all the same.
    expect(Math.abs(learned.other)).toBeLessThan(0.5 * Math.abs(time.other));
  });

  it('two of them are told apart', async () => {
    const result = await run({ load: 'server', threads: 32, packages: 2, seed: 1, seconds: 3 });
    const { learned, time } = last(result);
    expect(learned.share).toBeLessThan(0.4 * time.share);
    expect(Math.abs(learned.residual)).toBeLessThan(1e-9);
  });

  it('give the same result for the same seed, and another one for another', async () => {
    const again = await run({ load: 'server', threads: 4, packages: 1, seed: 1, seconds: SECONDS });
    expect(again).toEqual(await resultOf('server', 4));
    const other = await run({ load: 'server', threads: 4, packages: 1, seed: 2, seconds: 1 });
    expect(other.intervals[0]).not.toEqual(again.intervals[0]);
  });

  it('are metered in worlds that are a little different, not so well', async () => {
    const options = { load: 'batch', threads: 16, packages: 1, seed: 1, seconds: SECONDS };
    const { learned, time } = last(await run({ ...options, world: 'late=200,irq=0.06,cores=0.08' }));
    expect(learned.share).toBeLessThan(0.5 * time.share);
    expect(learned.misattributed).toBeGreaterThan(last(await resultOf('batch', 16)).learned.misattributed);
  });
});

describe('packages of a guest whose CPUs are held up now and then between two clocks', () => {
  it('are metered nearly as well as if they were not', async () => {
    const options = { load: 'batch', threads: 4, packages: 1, seed: 1, seconds: SECONDS };
    const { learned } = last(await run({ ...options, world: 'held=0.1' }));
    expect(learned.share).toBeLessThan(2 * last(await resultOf('batch', 4)).learned.share);
  });
});

describe('the simulator’s command line', () => {
  const main = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [join(ROOT, 'test/simulation/main.js'), ...args], { encoding: 'utf8' });

  it('meters packages of so many threads each', () => {
    const { status, stdout, stderr } = main('--package', 'quiet', '4', '2', '1', '1');
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      load: 'quiet',
      threads: 8,
      packages: 2,
      intervals: [{ at: 1, learned: { labelled: expect.any(Number) }, time: { labelled: 1 } }],
    });
  });

  it.each([
    [['--package', 'nothing', '4', '1', '1', '1'], 'there is no load nothing'],
    [['--package', 'batch', '3', '1', '1', '1'], 'a package has at least 4 threads'],
    [['--package', 'batch', '4', '3', '1', '1'], 'a machine has 1 or 2 packages'],
    [['--package', 'batch', '4', '1', '1', '1', '--world', 'odd=1'], 'there is no world odd=1'],
    [['--table', 'packages', '--sizes', '9x9'], 'there is no size, load or world 9x9'],
    [['--package', 'batch', '4'], 'Usage: '],
    [['--odd'], "Unknown option '--odd'"],
  ])('says what is wrong with %j', (args, wrong) => {
    const { status, stderr } = main(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(wrong);
    expect(stderr).not.toContain('    at ');
  });
});
