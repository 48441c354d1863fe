// SPDX-License-Identifier: Apache-2.0
import { openAccount } from './charges.ts';
import { hardwareOf } from './hardware.ts';
import { judge, type Verdict } from './judge.ts';
import { hardwareFor, LOADS } from './loads.ts';
import { createMachine, type Truth } from './machine.ts';
import { startMeter } from './meter.ts';

/** Ends of the intervals that are judged, s; each begins where the one before it ends. */
const MARKS: ReadonlySet<number> = new Set([1, 5, 30, 60, 120]);

export interface RunOptions {
  readonly load: string;
  /** Of all packages. */
  readonly threads: number;
  readonly packages: number;
  readonly seed: number;
  readonly seconds: number;
  /** As `hardwareOf` takes it. Default: the world as it is. */
  readonly world?: string;
}

export interface Judged {
  /** End of the interval, s. */
  readonly at: number;
  readonly learned: Verdict;
  /** The same columns, split by time. */
  readonly time: Verdict;
}

export interface Result extends RunOptions {
  /** What the machine drew, W. */
  readonly watts: number;
  readonly tasks: number;
  readonly intervals: readonly Judged[];
}

/** Why a run makes no sense; undefined: it does. */
export function complaint({
  load,
  threads,
  packages,
  seed,
  seconds,
  world = '',
}: RunOptions): string | undefined {
  if (!Object.hasOwn(LOADS, load)) return `there is no load ${load}, but ${Object.keys(LOADS).join(', ')}`;
  if (![1, 2].includes(packages)) return 'a machine has 1 or 2 packages';
  if (!(threads >= 4 * packages && threads <= 256 && Number.isInteger(threads / packages / 2))) {
    return 'a package has at least 4 threads, two to each core, and a machine at most 256';
  }
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(seconds) || seconds < 1) {
    return 'the seed and the seconds are whole numbers, and there is at least one second';
  }
  return hardwareOf(world) ? undefined : `there is no world ${world}`;
}

/** Simulates a machine, meters it, and tells how wrong that was. The same options give the same result. */
export async function run(options: RunOptions): Promise<Result> {
  const { load, threads, packages, seed, seconds, world = '' } = options;
  const hardware = hardwareFor(load, hardwareOf(world)!);
  const machine = createMachine({ name: load, load: LOADS[load]!, threads, packages, seed, hardware });
  const meter = startMeter({ threads, packages, hardware });
  const learned = openAccount(threads, packages, 'learned');
  const time = openAccount(threads, packages, 'time');
  const intervals: Judged[] = [];
  let beginS = 0;
  let countedJ = 0;

  const conclude = (at: number, truth: Truth, tasks: number): void => {
    const known = machine.tasks.slice(0, tasks);
    const verdict = (account: typeof time): Verdict => judge(truth, account.take(tasks), known, at - beginS);
    intervals.push({ at, learned: verdict(learned), time: verdict(time) });
    beginS = at;
  };
  // While one second is replayed the next one is simulated.
  let replayed: Promise<void> = Promise.resolve();
  for (let at = 1; at <= seconds; at++) {
    const second = machine.goOn();
    const truth = MARKS.has(at) || at === seconds ? machine.takeTruth() : undefined;
    const tasks = machine.tasks.length;
    await replayed;
    replayed = meter.replay(second).then((columns) => {
      for (const account of [learned, time]) account.add(columns, second.countedJ);
      countedJ += second.countedJ.reduce((sum, joules) => sum + joules, 0);
      if (truth) conclude(at, truth, tasks);
    });
  }
  await replayed;
  await meter.close();
  return { ...options, watts: countedJ / seconds, tasks: machine.tasks.length - 1, intervals };
}
