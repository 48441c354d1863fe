// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTrace } from './file.ts';
import { ROOT } from './root.ts';
import type { Charges, Trace } from './trace.ts';

/** Energies are in 2^-16 units, as in bpf/energy.h; a unit is a count. */
const FRACTION = 2 ** 16;

/** What the BPF program's own source made of a trace. Energies in 2^-16 counts, exact. */
export interface Replayed {
  readonly tasks: readonly Task[];
  /** The same by label; 0: none, as idle. */
  readonly labels: readonly Omit<Task, 'error'>[];
  /** What was priced: the sum of what the tasks were charged. */
  readonly counted: bigint;
  /** What belongs to nobody: the counter jumped or could not be read. */
  readonly gap: bigint;
  /** What no window had ended for when the trace did. */
  readonly unpriced: bigint;
  /** By counter, in counts: the first and the last reading, and what readings were more than the one before. */
  readonly zones: readonly { readonly first: bigint; readonly last: bigint; readonly advanced: bigint }[];
  readonly switches: number;
  readonly reads: number;
  readonly spills: number;
  readonly backwards: number;
  readonly jumps: number;
  /** Instructions that the kernel's verifier went through; 0 on the host. */
  readonly verified: number;
}

export interface Task {
  readonly energy: bigint;
  readonly timeNs: bigint;
  /** Standard deviation that the program itself expects. */
  readonly error: bigint;
}

export interface ReplayOptions {
  /** Compiled for this process or as BPF. Default: host. */
  readonly on?: 'host' | 'kernel';
  /** What a counter's hardware cannot exceed. Default: not known. */
  readonly maxWatts?: number;
  /** Between two updates of a counter, as calibration finds it. Default: 1 ms. */
  readonly periodNs?: number;
  /** How many labels a task goes through, from 1 on, another one each time that it runs. Default: none. */
  readonly labels?: number;
  /** Whether powers are learned in user space as well, and written back, which takes a host. Default: no. */
  readonly learns?: boolean;
}

const built = new Set<string>();

/** Builds what is out of date, once, and gives the path of a program of the Makefile. */
export function build(program: 'replay-host' | 'replay-kernel' | 'replay-package' | 'race'): string {
  if (!built.has(program)) {
    execFileSync('make', ['-s', '-C', join(ROOT, 'test/simulation'), `../../build/simulation/${program}`]);
    built.add(program);
  }
  return join(ROOT, 'build/simulation', program);
}

/** Replays a trace through the source of bpf/. Throws what the program or its compiler says. */
export function replayProgram(trace: Trace, options: ReplayOptions = {}): Replayed {
  const { on = 'host', maxWatts = 0, periodNs = 1e6, labels = 0, learns = false } = options;
  const program = build(`replay-${on}`);
  const directory = mkdtempSync(join(tmpdir(), 'trace-'));
  try {
    const file = join(directory, trace.name);
    writeTrace(file, trace);
    const args = [file, ...[maxWatts, periodNs, labels, Number(learns)].map(String)];
    return parse(execFileSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 28 }));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function parse(json: string): Replayed {
  const raw = JSON.parse(json) as Record<string, unknown> & {
    readonly counted: string;
    readonly gap: string;
    readonly unpriced: string;
    readonly zones: readonly Record<'first' | 'last' | 'advanced', string>[];
    readonly tasks: readonly [energy: string, timeNs: string, error: string][];
    readonly labels: readonly [energy: string, timeNs: string][];
  };
  return {
    ...(raw as unknown as Replayed),
    counted: BigInt(raw.counted),
    gap: BigInt(raw.gap),
    unpriced: BigInt(raw.unpriced),
    zones: raw.zones.map(({ first, last, advanced }) => ({
      first: BigInt(first),
      last: BigInt(last),
      advanced: BigInt(advanced),
    })),
    tasks: raw.tasks.map(([energy, timeNs, error]) => ({
      energy: BigInt(energy),
      timeNs: BigInt(timeNs),
      error: BigInt(error),
    })),
    labels: raw.labels.map(([energy, timeNs]) => ({ energy: BigInt(energy), timeNs: BigInt(timeNs) })),
  };
}

/** What a replay charged, in J. */
export function chargesOf({ tasks }: Replayed, { joulesPerCount }: Trace): Charges {
  const tasksJ = Float64Array.from(tasks, ({ energy }) => (Number(energy) / FRACTION) * joulesPerCount);
  const idleJ = tasksJ[0]!;
  tasksJ[0] = 0;
  return { tasksJ, idleJ };
}

/** What the meter charges: a way to attribute energy like the baselines. */
export function ours(trace: Trace): Charges {
  return chargesOf(replayProgram(trace, { learns: true }), trace);
}

/** The same if only the BPF program learns. */
export function bpfAlone(trace: Trace): Charges {
  return chargesOf(replayProgram(trace), trace);
}

const WORTHWHILE_J = 1e-3;

/** How many of the tasks above 1 mJ are charged rightly within so many of the standard deviations promised. */
export function coverage(trace: Trace, replayed: Replayed, sigmas: number): { within: number; of: number } {
  const { tasksJ } = chargesOf(replayed, trace);
  let within = 0;
  let of = 0;
  for (const [task, energyJ] of trace.truth.tasksJ.entries()) {
    const { error, timeNs } = replayed.tasks[task]!;
    if (energyJ < WORTHWHILE_J || timeNs === 0n) continue;
    const errorJ = (Number(error) / FRACTION) * trace.joulesPerCount;
    of++;
    if (Math.abs(tasksJ[task]! - energyJ) <= sigmas * errorJ) within++;
  }
  return { within, of };
}
