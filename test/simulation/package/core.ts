// SPDX-License-Identifier: Apache-2.0
import { paceTogether } from '../physics.ts';
import { hashNormal, hashUniform } from '../random.ts';
import { KIND } from '../trace.ts';
import { IDLE, MS, SEC } from '../workload.ts';
import type { PackageHardware } from './hardware.ts';
import type { Load } from './load.ts';
import type { Recorder } from './recorder.ts';
import type { Task, TaskTable } from './tasks.ts';
import { use } from './use.ts';

// Taken out once: in jest's VM looking up a global costs more than most functions do.
const { floor, max, min, round, sin } = Math;

const LEAST_TURN_NS = 1000;

/** What all parts of a machine work on. */
export interface World {
  readonly hardware: PackageHardware;
  readonly seed: number;
  readonly tasks: TaskTable;
  readonly load: Load;
  readonly recorder: Recorder;
  /** Of the CPUs' clocks, ns. */
  readonly skewNs: readonly number[];
  /** What nobody used since the truth was taken. */
  readonly nobody: { sharedNj: number; idleNj: number };
}

/** What the cores of a package did since its last update. */
export interface Activity {
  energyNj: number;
  /** Sum over the threads. */
  busyNs: number;
  misses: number;
  readonly missesOf: Map<Task, number>;
  /** When cores began and ceased to run something. */
  readonly busyFrom: number[];
  readonly busyUntil: number[];
}

interface Thread {
  readonly cpu: number;
  task: Task | undefined;
  untilNs: number;
  tickNs: number;
}

export interface Core {
  /** Goes on to the given time at a frequency, as a part of the nominal one. */
  advance(toNs: number, speed: number): void;
}

/** A core with two threads, from 0 on. Its power is constant between events, so that the integral is exact. */
export function createCore(world: World, activity: Activity, core: number): Core {
  const { hardware, tasks, recorder, skewNs, nobody, seed } = world;
  const threads = [2 * core, 2 * core + 1].map((cpu): Thread => ({
    cpu,
    task: undefined,
    untilNs: 0,
    tickNs: hardware.tickNs + 50 * cpu,
  }));
  const [a, b] = threads as [Thread, Thread];
  const own = 1 + hardware.coreSpread * hashNormal(core * 31 + 5, seed);
  const warmth = (ns: number): number =>
    hardware.thermal > 0 ? 1 + hardware.thermal * sin((ns / SEC) * 0.15) : 1;
  let nowNs = 0;
  let idleSinceNs: number | undefined = 0;
  let speed = 1;
  let voltage = 1;

  function choose(thread: Thread): void {
    const { task: id, ns } = world.load(thread.cpu, nowNs);
    thread.untilNs = nowNs + max(LEAST_TURN_NS, round(ns));
    const next = id === IDLE ? undefined : tasks.all[id]!;
    if (next === thread.task) return;
    thread.task = next;
    recorder.record(KIND.switch, thread.cpu, max(0, nowNs + skewNs[thread.cpu]!), id);
  }

  /** The first task on an idle core wakes it. */
  function wake(task: Task): void {
    if (nowNs - idleSinceNs! > hardware.sleepAfterNs) {
      task.energyNj += hardware.wakeNj;
      activity.energyNj += hardware.wakeNj;
    }
    idleSinceNs = undefined;
  }

  function passIdle(toNs: number): void {
    const isShallow = nowNs - idleSinceNs! < hardware.sleepAfterNs;
    const energyNj = (isShallow ? hardware.shallowW : hardware.deepW) * (toNs - nowNs);
    activity.energyNj += energyNj;
    nobody.idleNj += energyNj;
  }

  /** `pace`: how fast it runs beside the other thread; `part` of what the core needs anyway is its. */
  function run(task: Task, ns: number, pace: number, part: number): void {
    const used = use(hardware, task, { ns, speed, voltage, pace, part });
    const energyNj = used.energyNj * own * warmth(nowNs);
    const unseen = hardware.interrupts && hardware.interrupts * 2 * hashUniform(task.id * 7 + 3, seed);
    task.energyNj += energyNj * (1 - unseen);
    nobody.sharedNj += energyNj * unseen;
    activity.energyNj += energyNj;
    activity.busyNs += ns;
    activity.misses += used.misses;
    activity.missesOf.set(task, (activity.missesOf.get(task) ?? 0) + used.misses);
  }

  function passBusy(toNs: number): void {
    const ns = toNs - nowNs;
    if (!a.task) return run(b.task!, ns, 1, 1);
    if (!b.task) return run(a.task, ns, 1, 1);
    const pace = paceTogether(a.task.profile, b.task.profile);
    const unequal =
      hardware.unequalThreads &&
      hardware.unequalThreads * 2 * (hashUniform(a.task.id * 131 + b.task.id, seed + 9) - 0.5);
    run(a.task, ns, min(1, pace * (1 + unequal)), 0.5);
    run(b.task, ns, min(1, pace * (1 - unequal)), 0.5);
  }

  /** A CPU that runs something has ticks. */
  function tick(thread: Thread, toNs: number): void {
    for (; thread.tickNs < toNs; thread.tickNs += hardware.tickNs) {
      if (!thread.task || thread.tickNs < nowNs) continue;
      recorder.record(KIND.tick, thread.cpu, thread.tickNs + skewNs[thread.cpu]!, 0);
    }
  }

  function step(toNs: number): void {
    if (a.untilNs <= nowNs) choose(a);
    if (b.untilNs <= nowNs) choose(b);
    const running = a.task ?? b.task;
    let nextNs = min(toNs, a.untilNs, b.untilNs);
    if (running) {
      if (idleSinceNs !== undefined) wake(running);
      const ms = floor(nowNs / MS);
      nextNs = min(nextNs, (ms + 1) * MS);
      if (a.task && a.task.ms !== ms) tasks.enterMs(a.task, ms);
      if (b.task && b.task.ms !== ms) tasks.enterMs(b.task, ms);
      passBusy(nextNs);
      activity.busyFrom.push(nowNs);
      activity.busyUntil.push(nextNs);
    } else {
      idleSinceNs ??= nowNs;
      const sleepNs = idleSinceNs + hardware.sleepAfterNs;
      if (nowNs < sleepNs) nextNs = min(nextNs, sleepNs);
      passIdle(nextNs);
    }
    tick(a, nextNs);
    tick(b, nextNs);
    nowNs = nextNs;
  }

  return {
    advance(toNs, now) {
      speed = now;
      voltage = 0.65 + 0.35 * now;
      while (nowNs < toNs) step(toNs);
    },
  };
}
