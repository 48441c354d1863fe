// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createRandom } from '../simulation/random.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** When, who ran until then, who runs from then on. Microseconds. */
type Record = readonly [at: number, prev: number, next: number];

interface Window {
  /** All in seconds, but for the energy. */
  readonly begin: number;
  readonly end: number;
  readonly joules: number;
  readonly coresIdle: number;
  readonly packageIdle: number;
  /** By process: run time, and that of it beside a busy thread of its core. */
  readonly tasks: { readonly [tgid: string]: readonly [number, number] };
}

interface Cut {
  readonly windows: Window[];
  readonly dropped: { cut: number; wide: number; length: number; lost: number; energy: number };
}

const ROOT = join(__dirname, '../..');
const US = 1000;

const records = (cpu: number, list: readonly Record[], lost = false): string =>
  `records ${cpu} ${Number(lost)} ${list.length} ${list.map(([at, prev, next]) => `${at * US} ${prev} ${next}`).join(' ')}`;
const edge = (at: number, counts: number, width = 20): string => `edge ${at * US} ${width * US} ${counts}`;
/** Updates each ms from `first` to `last` (ms), with 30 mJ each. */
const edges = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => edge((first + i) * 1000, 30 * (first + i)));

describe('windows of a package', () => {
  let program: string;
  beforeAll(() => {
    program = join(temporaryDirectory(), 'windows');
    const sources = ['test/native/windows.cc', 'native/windows.cc'];
    execFileSync('g++', ['-std=c++17', '-Inative', ...sources, '-o', program], { cwd: ROOT });
  });

  function cut(...lines: string[]): Cut {
    const output = execFileSync(program, { input: lines.join('\n'), encoding: 'utf8' })
      .trim()
      .split('\n');
    const all = output.map((line) => JSON.parse(line));
    return { dropped: all.pop(), windows: all };
  }
  const ONE_CORE = 'cores 0 0';
  const TWO_CORES = 'cores 0 1 0 1';

  it('are two updates long, and have the energy that was counted between', () => {
    const { windows, dropped } = cut(ONE_CORE, ...edges(0, 6), 'cut 100000000');
    expect(windows.map(({ begin, end }) => [begin, end])).toEqual([
      [0, 0.002],
      [0.002, 0.004],
      [0.004, 0.006],
    ]);
    for (const window of windows) expect(window.joules).toBeCloseTo(0.06, 9);
    expect(dropped).toEqual({ cut: 3, wide: 0, length: 0, lost: 0, energy: 0 });
  });

  it('know who ran, beside whom, and what was idle', () => {
    const { windows } = cut(
      ONE_CORE,
      'burst 0',
      records(0, [
        [500, 0, 7],
        [1500, 7, 8],
        [2500, 8, 0],
      ]),
      records(1, [
        [1000, 0, 9],
        [1600, 9, 0],
      ]),
      ...edges(0, 2),
      'cut 100000000',
    );
    expect(windows).toHaveLength(1);
    expect(windows[0]!.tasks).toEqual({ 7: [0.001, 0.0005], 8: [0.0005, 0.0001], 9: [0.0006, 0.0006] });
    expect(windows[0]!.coresIdle).toBeCloseTo(0.0005, 9);
    expect(windows[0]!.packageIdle).toBeCloseTo(0.0005, 9);
  });

  it('know when all cores were idle at once, not only each', () => {
    const { windows } = cut(
      TWO_CORES,
      'burst 0',
      records(0, [
        [0, 0, 5],
        [600, 5, 0],
        [1800, 0, 5],
      ]),
      records(1, [
        [400, 0, 6],
        [1000, 6, 0],
        [1200, 0, 6],
        [1300, 6, 0],
      ]),
      records(3, [
        [1500, 0, 7],
        [1600, 7, 0],
      ]),
      ...edges(0, 2),
      'cut 100000000',
    );
    // Core 0 is idle from 600 to 1800 us; core 1 but for 400 to 1000, 1200 to 1300 and 1500 to 1600.
    expect(windows[0]!.coresIdle).toBeCloseTo(0.0012 + 0.0012, 9);
    expect(windows[0]!.packageIdle).toBeCloseTo(0.0006, 9);
    expect(windows[0]!.tasks[6]).toEqual([0.0007, 0]);
  });

  it('take what ran between two records from the later one, and after the last from that', () => {
    const { windows } = cut(
      ONE_CORE,
      'burst 0',
      // A tick after 3 ms says who has run all the time; then there is none (a CPU without ticks).
      records(0, [[3000, 4, 4]]),
      ...edges(0, 6),
      'cut 100000000',
    );
    for (const window of windows) expect(window.tasks).toEqual({ 4: [0.002, 0] });
    expect(windows).toHaveLength(3);
  });

  it('are not cut until the CPUs have had the time to write', () => {
    const wait = cut(ONE_CORE, 'burst 0', ...edges(0, 2), 'cut 17000000', 'cut 17999999');
    expect(wait.windows).toEqual([]);
    // What comes in time counts: the tick of a task that has run since before.
    const late = cut(
      ONE_CORE,
      'burst 0',
      ...edges(0, 2),
      'cut 17000000',
      records(1, [[17500, 3, 3]]),
      'cut 18000000',
    );
    expect(late.windows.map((window) => window.tasks)).toEqual([{ 3: [0.002, 0] }]);
  });

  it('take a CPU for idle that has been silent since the burst began, whatever ran in the one before', () => {
    const before = ['burst 0', records(0, [[500, 0, 9]]), ...edges(0, 2), 'cut 18000000'];
    const { windows } = cut(ONE_CORE, ...before, 'burst 500000000', ...edges(501, 503), 'cut 600000000');
    expect(windows.map((window) => window.tasks)).toEqual([{ 9: [0.0015, 0] }, {}]);
    expect(windows[1]!.packageIdle).toBeCloseTo(0.002, 9);
  });

  it('do not begin or end at an update that was not seen exactly, and lose no more by it', () => {
    const all = edges(0, 7);
    all[4] = edge(4000, 120, 151);
    const { windows, dropped } = cut(ONE_CORE, ...all, 'cut 100000000');
    expect(windows.map(({ begin }) => begin)).toEqual([0, 0.003, 0.005]);
    expect(dropped).toMatchObject({ wide: 1, cut: 3 });
  });

  it('are dropped where an update was missed, and only there', () => {
    const all = edges(0, 9);
    all.splice(3, 2);
    const { windows, dropped } = cut(ONE_CORE, ...all, 'cut 100000000');
    expect(windows.map(({ begin, end }) => [begin, end])).toEqual([
      [0, 0.002],
      [0.005, 0.007],
      [0.007, 0.009],
    ]);
    expect(dropped).toMatchObject({ length: 1 });
  });

  it('are dropped where records were overwritten, on any CPU', () => {
    const { windows, dropped } = cut(
      ONE_CORE,
      'burst 0',
      records(0, [[1000, 0, 5]]),
      records(0, [[4500, 6, 0]], true),
      ...edges(0, 8),
      'cut 100000000',
    );
    expect(windows.map(({ begin }) => begin)).toEqual([0.006]);
    expect(dropped).toMatchObject({ lost: 3 });
  });

  it('are dropped if the counter stands, goes back, or counts more than a package can draw', () => {
    const counts = [0, 30, 60, 60, 60, 90, 20, 30, 5000, 5010, 5060];
    const all = counts.map((count, i) => edge(i * 1000, count));
    const { windows, dropped } = cut(ONE_CORE, ...all, 'cut 100000000');
    expect(windows.map(({ begin }) => begin)).toEqual([0, 0.008]);
    expect(dropped).toMatchObject({ energy: 3 });
  });

  it('forget what nobody asks for, and say that it is lost', () => {
    const many: Record[] = [];
    for (let i = 0; i < 40_000; i++) many.push([i, i % 2 ? 5 : 6, i % 2 ? 6 : 5]);
    const { windows, dropped } = cut(ONE_CORE, records(0, many), ...edges(0, 40), 'cut 100000000');
    // 16,384 slices of 1 us are kept.
    expect(dropped).toMatchObject({ lost: 12, cut: 8 });
    expect(windows[0]!.begin).toBe(0.024);
  });

  /** A second of four CPUs, in the order of time. */
  function busySecond(seed: number): { at: number; line: string }[] {
    const random = createRandom(seed);
    const lines = edges(0, 1000).map((line, i) => ({ at: i * 1000, line }));
    for (let cpu = 0; cpu < 4; cpu++) {
      let prev = 0;
      for (let at = 0; at < 1_000_000; at += 1 + Math.floor(random.uniform() * 1500)) {
        const next = random.uniform() < 0.4 ? 0 : 1 + Math.floor(random.uniform() * 5);
        lines.push({ at, line: records(cpu, [[at, prev, next]]) });
        prev = next;
      }
    }
    return lines.toSorted((a, b) => a.at - b.at);
  }

  it.each([1, 2, 3])('are the same however their records come (%i)', (seed) => {
    const lines = busySecond(seed);
    const atOnce = cut(TWO_CORES, 'burst 0', ...lines.map(({ line }) => line), 'cut 2000000000');
    const random = createRandom(seed + 100);
    const portions: string[] = [];
    for (const { at, line } of lines) {
      portions.push(line);
      if (random.uniform() < 0.02) portions.push(`cut ${at * US}`);
    }
    const byPortions = cut(TWO_CORES, 'burst 0', ...portions, 'cut 2000000000');
    expect(atOnce.windows).toHaveLength(500);
    expect(byPortions.windows).toEqual(atOnce.windows);
  });

  it('account for all of the time of all threads', () => {
    const { windows } = cut(TWO_CORES, 'burst 0', ...busySecond(4).map(({ line }) => line), 'cut 2000000000');
    for (const { tasks, coresIdle, packageIdle } of windows) {
      let active = 0;
      for (const [run, together] of Object.values(tasks)) active += run - together / 2;
      expect(active + coresIdle).toBeCloseTo(2 * 0.002, 8);
      expect(packageIdle).toBeLessThanOrEqual(coresIdle / 2 + 1e-9);
    }
  });
});
