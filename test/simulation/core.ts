// SPDX-License-Identifier: Apache-2.0
import { dynamicW, GOVERNORS, type Hardware, paceTogether } from './physics.ts';
import { hash } from './random.ts';
import { type Governor, IDLE, MS, SEC, type TaskModel, type Timeline, US } from './workload.ts';

// Taken out once: in jest's VM looking up a global costs more than most functions do.
const { min } = Math;

const GOVERNOR_NS = 10 * MS;

export interface CoreOptions {
  readonly core: number;
  readonly seed: number;
  readonly tasks: readonly TaskModel[];
  /** What the two threads of the core do. */
  readonly threads: readonly [Timeline, Timeline];
  readonly governor: Governor;
  /** When the counter is sampled; the simulation ends with the last. */
  readonly sampledNs: readonly number[];
  readonly hardware: Hardware;
}

export interface CoreEnergy {
  /** All the core used until each sample, J. */
  readonly sampledJ: readonly number[];
  /** What each task used until the last one, J; index 0 is the core while both threads were idle. */
  readonly tasksJ: Float64Array;
}

interface Thread {
  readonly timeline: Timeline;
  index: number;
  task: number;
  untilNs: number;
  /** Dynamic power of the task alone at the nominal frequency, W. */
  powerW: number;
}

/**
 * What a core and each task on it use. Power is constant between events, so that the integral is exact.
 *
 * A task pays for its own dynamic power, for half of the static power while the other thread runs too and for all of
 * it otherwise, and for the core's wake-up if it is what woke it.
 */
export function simulateCore(options: CoreOptions): CoreEnergy {
  const { core, seed, tasks, sampledNs, hardware } = options;
  const tasksJ = new Float64Array(tasks.length);
  const sampledJ: number[] = [];
  let totalJ = 0;
  const pay = (task: number, joules: number): void => {
    tasksJ[task]! += joules;
    totalJ += joules;
  };

  // Tasks' powers change once a millisecond, on each core at another time.
  let ms = 0;
  let msEndNs = (hash(seed, core + 77) % 1000) * US || MS;
  const drawPower = (thread: Thread): void => {
    const { task: id } = thread;
    thread.powerW = id === IDLE ? 0 : dynamicW(tasks[id]!, { id, seed, ms, noise: hardware.noise });
  };
  const enter = (thread: Thread, index: number): void => {
    thread.index = index;
    thread.task = thread.timeline.task[index]!;
    thread.untilNs = thread.timeline.startNs[index + 1] ?? Infinity;
    drawPower(thread);
  };
  const start = (timeline: Timeline): Thread => {
    const thread = { timeline, index: 0, task: IDLE, untilNs: Infinity, powerW: 0 };
    enter(thread, 0);
    return thread;
  };
  const a = start(options.threads[0]);
  const b = start(options.threads[1]);
  const isIdle = (): boolean => a.task === IDLE && b.task === IDLE;

  let deep = false;
  let sleepNs = isIdle() ? hardware.sleepAfterNs : Infinity;
  let period = 0;
  let busyNs = 0;
  const govern = (): number =>
    GOVERNORS[options.governor]({ seed, core, period, busy: busyNs / GOVERNOR_NS });
  let speed = govern();

  const pass = (ns: number): void => {
    const s = ns / SEC;
    if (isIdle()) return pay(IDLE, (deep ? hardware.deepW : hardware.shallowW) * s);
    busyNs += ns;
    const staticJ = hardware.staticW * (0.5 + 0.5 * speed) * s;
    const dynamic = speed ** hardware.frequencyExponent * s;
    if (a.task === IDLE) return pay(b.task, b.powerW * dynamic + staticJ);
    if (b.task === IDLE) return pay(a.task, a.powerW * dynamic + staticJ);
    const pace = paceTogether(tasks[a.task]!, tasks[b.task]!);
    pay(a.task, pace * a.powerW * dynamic + staticJ / 2);
    pay(b.task, pace * b.powerW * dynamic + staticJ / 2);
  };
  const switchTasks = (now: number): void => {
    const wasIdle = isIdle();
    if (now >= a.untilNs) enter(a, a.index + 1);
    if (now >= b.untilNs) enter(b, b.index + 1);
    if (wasIdle === isIdle()) return;
    if (wasIdle && deep) pay(a.task === IDLE ? b.task : a.task, hardware.wakeJ);
    deep = false;
    sleepNs = wasIdle ? Infinity : now + hardware.sleepAfterNs;
  };

  for (let now = 0; sampledJ.length < sampledNs.length;) {
    const sampleNs = sampledNs[sampledJ.length]!;
    const governNs = (period + 1) * GOVERNOR_NS;
    const next = min(a.untilNs, b.untilNs, msEndNs, governNs, sampleNs, sleepNs);
    pass(next - now);
    now = next;
    while (sampledNs[sampledJ.length]! <= now) sampledJ.push(totalJ);
    if (now >= sleepNs) {
      deep = true;
      sleepNs = Infinity;
    }
    if (now >= msEndNs) {
      ms++;
      msEndNs += MS;
      drawPower(a);
      drawPower(b);
    }
    if (now >= governNs) {
      period++;
      speed = govern();
      busyNs = 0;
    }
    switchTasks(now);
  }
  return { sampledJ, tasksJ };
}
