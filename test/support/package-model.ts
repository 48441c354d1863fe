// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { createRandom, type Random } from '../simulation/random.ts';

const ROOT = join(__dirname, '../..');
const WINDOW_S = 0.002;

export interface Task {
  readonly process: number;
  readonly executable: number;
  readonly watts: number;
}

/** What a package of one or more cores draws, in Watts. */
export interface Machine {
  readonly cores: number;
  readonly static: number;
  /** Less, while all cores are idle. */
  readonly asleep?: number;
  /** Of each idle core. */
  readonly idle?: number;
  /** Standard deviation of a window's energy, as a part of it. */
  readonly noise?: number;
  /** This part of all windows has three times the energy. */
  readonly outliers?: number;
}

/** What the model says of an interval; Joules. */
export interface Priced {
  readonly learned: boolean;
  readonly gate: number;
  readonly shared: number;
  readonly idle: number;
  readonly burst: number;
  readonly restarts: number;
  readonly joules: number[];
  readonly error: (number | null)[];
}

export function buildPackageModel(directory: string): string {
  const program = join(directory, 'package_model');
  const parts = ['actor_states', 'kalman', 'package_model', 'package_prices'].map(
    (part) => `native/${part}.cc`,
  );
  const sources = ['test/native/package_model.cc', ...parts];
  execFileSync('g++', ['-std=c++17', '-O2', '-Inative', ...sources, '-o', program], { cwd: ROOT });
  return program;
}

/** Writes what happens on a machine with one package as the lines that the driver of the model reads. */
export class Story {
  readonly lines: string[];
  /** Seconds since it began. */
  now = 0;
  private readonly machine: Machine;
  private readonly random: Random;

  constructor(
    machine: Machine,
    { seed = 1, states = 256, uncore = true }: { seed?: number; states?: number; uncore?: boolean } = {},
  ) {
    this.machine = machine;
    this.random = createRandom(seed);
    this.lines = [`model ${states} ${Number(uncore)} ${machine.cores}`];
  }

  /** Windows in each of which a core runs one of the tasks (or nothing, `load` says how often), for a part of it. */
  run(seconds: number, tasks: readonly Task[], load = 0.8): this {
    const { cores } = this.machine;
    for (const end = this.now + seconds; this.now < end - 1e-9;) {
      const ran = Array.from({ length: cores }, () => {
        const task = tasks[Math.floor(this.random.uniform() * tasks.length)];
        return task && this.random.uniform() < load
          ? { task, run: WINDOW_S * this.random.uniform() }
          : undefined;
      });
      this.window(ran.filter((each) => each !== undefined));
    }
    return this;
  }

  /** A window, in which each task has a core of its own, from its beginning on. */
  window(ran: readonly { task: Task; run: number }[], energy = (joules: number) => joules): void {
    const { cores, static: floor, asleep = 0, idle = 0.1, noise = 0.02, outliers = 0 } = this.machine;
    const busy = ran.reduce((sum, each) => sum + each.run, 0);
    const coresIdle = cores * WINDOW_S - busy;
    const packageIdle = WINDOW_S - Math.max(0, ...ran.map((each) => each.run));
    let joules = floor * WINDOW_S - asleep * packageIdle + idle * coresIdle;
    for (const { task, run } of ran) joules += task.watts * run;
    joules *= 1 + noise * this.random.normal();
    if (this.random.uniform() < outliers) joules *= 3;
    const tasks = ran.map(({ task, run }) => `${task.process} ${task.executable} ${run} 0`);
    const times = `${this.now} ${this.now + WINDOW_S}`;
    this.lines.push(`window 0 ${times} ${energy(joules)} ${coresIdle} ${packageIdle} ${tasks.join(' ')}`);
    this.now += WINDOW_S;
  }

  /** Asks for prices of the second before; each row is of so many seconds of a task, or of idle time. */
  ask(...rows: readonly (readonly [Task | undefined, number])[]): this {
    const list = rows.map(([task, run]) => `${task?.process ?? 0} ${task?.executable ?? 0} ${run}`);
    this.lines.push(`interval 0 ${this.now} 1 ${list.join(' ')}`);
    return this;
  }

  price(program: string): Priced[] {
    const output = execFileSync(program, {
      input: this.lines.join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    return output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Priced);
  }
}
