// SPDX-License-Identifier: Apache-2.0
import { hashNormal, hashUniform, type Random } from '../random.ts';
import type { PackageHardware } from './hardware.ts';
import { type Profile, PROFILES, type ProfileName } from './profiles.ts';

// Taken out once: in jest's VM looking up a global costs more than most functions do.
const { exp, floor, max } = Math;

/** A process of one thread. Figures that change are those of the ms in which it ran last. */
export interface Task {
  readonly id: number;
  readonly comm: string;
  readonly cgroup: number;
  readonly startNs: number;
  /** What its instructions cost more than its profile says, unknown to all, as a factor. */
  readonly hidden: number;
  profile: Profile;
  ms: number;
  cyclesPerInstruction: number;
  missesPerInstruction: number;
  instructionNj: number;
  /** What it used since the truth was taken. */
  energyNj: number;
}

export interface TaskOptions {
  readonly comm: string;
  readonly profile: ProfileName;
  readonly cgroup: number;
  readonly startNs?: number;
  /** What its instructions cost beside others of its executable. Default: as much. */
  readonly factor?: number;
  /** Changes of its profile. */
  readonly changes?: Partial<Profile>;
}

/** All processes that ever ran, by tgid; that of idle, 0, is no task. */
export interface TaskTable {
  readonly all: readonly Task[];
  create(options: TaskOptions): number;
  /** Brings a task's figures to the given ms. */
  enterMs(task: Task, ms: number): void;
}

export function createTasks(hardware: PackageHardware, random: Random, seed: number): TaskTable {
  const executables = new Map<string, number>();
  const spread = (sigma: number): number => exp(sigma * random.normal());

  function hiddenOf(comm: string): number {
    const hidden = executables.get(comm) ?? spread(hardware.executableSpread);
    executables.set(comm, hidden);
    return hidden;
  }

  function create({ comm, profile, cgroup, startNs = 0, factor = 1, changes }: TaskOptions): number {
    all.push({
      id: all.length,
      comm,
      cgroup,
      startNs,
      hidden: hiddenOf(comm) * spread(hardware.processSpread) * factor,
      profile: changes ? { ...PROFILES[profile], ...changes } : PROFILES[profile],
      ms: -1,
      cyclesPerInstruction: 0,
      missesPerInstruction: 0,
      instructionNj: 0,
      energyNj: 0,
    });
    return all.length - 1;
  }

  // Two thirds of a phase show in what hardware counts, the rest in the energy of instructions alone.
  function enterMs(task: Task, ms: number): void {
    const { profile, id } = task;
    const phase = floor(ms / profile.phaseMs);
    const of = (what: number): number => 2 * hashUniform(id * 131 + seed + what * 2 ** 24, phase) - 1;
    const noise = hardware.noise * hashNormal(id + 7919 * seed, ms);
    const heat = max(0.1, 1 + 0.5 * profile.swing * of(1) + noise);
    task.ms = ms;
    task.cyclesPerInstruction = profile.cyclesPerInstruction / (1 + 0.7 * profile.swing * of(0));
    task.missesPerInstruction = profile.missesPerInstruction * (1 + profile.swing * of(2));
    task.instructionNj = profile.instructionNj * task.hidden * heat;
  }

  const all: Task[] = [];
  create({ comm: 'swapper', profile: 'spin', cgroup: 0 });
  return { all, create, enterMs };
}
