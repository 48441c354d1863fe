// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createRandom } from '../simulation/random.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** All times in ns. */
interface Counter {
  readonly period: number;
  /** Each update comes up to so much late. */
  readonly jitter?: number;
  readonly readNs?: number;
  /** The polling thread runs for so long, and then others do. */
  readonly ours?: number;
  readonly others?: number;
  /** The part of all updates that are seen as two, one read after the other. */
  readonly twice?: number;
  readonly seed?: number;
}

const LONGEST = 150e6;
const ROOT = join(__dirname, '../..');

/** Each read's time and what it found. */
function poll(counter: Counter): string {
  const { period, jitter = 0, readNs = 1000, ours = Infinity, others = 0, twice = 0, seed = 1 } = counter;
  const random = createRandom(seed);
  const updates: number[] = [];
  for (let at = 0.4 * period; at < LONGEST; at += period) {
    updates.push(at + random.uniform() * jitter);
    if (twice > 0 && random.uniform() < twice) updates.push(updates.at(-1)! + readNs);
  }
  const lines: string[] = [];
  let count = 0;
  for (let now = 0, slice = 0; now < LONGEST; now += readNs) {
    if (now - slice > ours) slice = now += others;
    while (updates[count]! <= now) count++;
    lines.push(`${now} ${count}`);
  }
  return lines.join('\n');
}

describe('the update period of a counter', () => {
  let directory: string;
  let program: string;
  beforeAll(() => {
    directory = temporaryDirectory();
    program = join(directory, 'update_period');
    const sources = ['test/native/update_period.cc', 'native/update_period.cc'];
    execFileSync('g++', ['-std=c++17', '-Inative', ...sources, '-o', program], { cwd: ROOT });
  });

  const find = (counter: Counter): { period: number; jitter: number; steady: boolean; changes: number } =>
    JSON.parse(execFileSync(program, { input: poll(counter), encoding: 'utf8' }));

  it.each<[string, Omit<Counter, 'period'>]>([
    ['of a CPU that nobody else uses', {}],
    ['where reads are as slow as in emulators', { readNs: 8000 }],
    // Two updates are seen in each turn, and then three are missed: most distances are longer than a period.
    ['beside one task, turn by turn of 2 ms', { ours: 1.9e6, others: 2.4e6, readNs: 8000 }],
    ['beside two, whose turns are longer', { ours: 2.5e6, others: 5.1e6, readNs: 8000 }],
    ['beside one, tick by tick', { ours: 4e6, others: 4e6 }],
    ['of a counter that is a sum, and is read while its parts move', { twice: 0.1, readNs: 45e3 }],
    ['... beside one task', { twice: 0.1, readNs: 20e3, ours: 30e6, others: 8e6 }],
  ])('is found %s', (_how, how) => {
    const found = find({ period: 983e3, jitter: 100e3, ...how });
    expect(found.steady).toBe(true);
    expect(Math.abs(found.period / 983e3 - 1)).toBeLessThan(1e-3);
    expect(found.jitter).toBeLessThan(60e3);
  });

  it('is none if updates come at any time', () => {
    expect(find({ period: 1e6, jitter: 4e6 }).steady).toBe(false);
  });

  it('is not guessed at where hardly two updates in a row are seen', () => {
    expect(find({ period: 983e3, jitter: 100e3, ours: 0.5e6, others: 3e6 }).steady).toBe(false);
  });

  it.each([
    ['a fifth', { ours: 20e6, others: 80e6 }],
    ['a tenth', { ours: 10e6, others: 90e6 }],
    ['a twentieth', { ours: 5e6, others: 95e6 }],
  ])('is right or none where our cgroup has %s of a CPU', (_part, how) => {
    for (let seed = 1; seed <= 20; seed++) {
      const found = find({ period: 983e3, jitter: 150e3, readNs: 4000, seed, ...how });
      expect(found.steady ? Math.abs(found.period / 983e3 - 1) : 0).toBeLessThan(1e-3);
    }
  });

  it('is none that a read or two could tell', () => {
    expect(find({ period: 500, ours: 0, others: 160e6 })).toMatchObject({ period: -1, changes: 1 });
  });

  it('is none that could be predicted from read to read, or in hours', () => {
    expect(find({ period: 500 })).toMatchObject({ period: 0, steady: false });
    expect(find({ period: 1e9 })).toMatchObject({ period: -1, steady: false, changes: 0 });
  });
});
