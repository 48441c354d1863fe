// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Columns, LIFECYCLE, NO_PROCESS } from './columns.ts';
import { getSystemErrorName } from 'node:util';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import { nativeError } from './advice.ts';
import type { CounterLocation, PerfEvent, Zone } from '../model/source.ts';

/** How the probe is opened. */
export interface ProbeOptions {
  /** Path of the kernel's BTF, `/sys/kernel/btf/vmlinux`. */
  readonly btf: string;
  /** cgroup v1 controller whose cgroups are charged, `''` for v2. */
  readonly controller: string;
  /** Id of that hierarchy as in /proc/cgroups, 0 for v2. */
  readonly hierarchy: number;
  /** BPF reads the counters at switches; otherwise what is bound is only calibrated, or nothing is bound. */
  readonly switched: boolean;
  /** Whether the two threads of a core share a counter, which costs up to 8 ns per switch. */
  readonly shared: boolean;
  /** Of the counters that BPF reads, which reckons in units of about 2^-32 J: from 5.9e-11 to 256 J. */
  readonly joulesPerCount: number;
  /** What such a counter cannot exceed, up to 1e6 W; 0: not known. What advances by more has jumped, and is nobody's. */
  readonly maxWatts: number;
  /** The counter runs in idle as in use, so idle time bears its share. */
  readonly idlePays: boolean;
  /** Also report forks (costs about 0.1 µs per fork). */
  readonly followForks: boolean;
  /** Whether `learn()` may be called: the switches of each CPU then have a log of 32 KiB. */
  readonly learns: boolean;
  /** Rows per interval that may overflow the tables of their CPUs before detail is lost, 1 to 4,000,000. */
  readonly spillEntries: number;
}

/** How a counter behaves when it is polled in a tight loop. */
export interface Calibration {
  /**
   * Mean time between two changes, ns. 0: it changed at nine of ten reads or more, as a clock does;
   * absent: it did not change twice.
   */
  readonly periodNs?: number;
  /** By how much changes stray from such a period, ns: median absolute deviation; absent where they are none. */
  readonly jitterNs?: number;
  /** It has a steady period, by which BPF predicts when it moves. */
  readonly steady: boolean;
  /** Median time of a read(2) with one of the clock, ns: a read in BPF saves the system call. */
  readonly readNs: number;
  readonly changes: number;
  readonly reads: number;
}

/** A counter that moves as rarely as this, ns, is virtual; native/update_period.h says why, and has the same figure. */
export const VIRTUAL_PERIOD_NS = 100e6;

/** A counter of a whole package that is learned from. */
export interface LearnedPackage {
  /** Index of its zone. */
  readonly zone: number;
  /** Those that are online. */
  readonly cpus: readonly number[];
  /** The core of each of them, as a number from 0 on without a hole. */
  readonly cores: readonly number[];
  /** The CPU that reads the counter. */
  readonly lead: number;
  readonly location: CounterLocation;
  readonly joulesPerCount: number;
  /** Counts after which it starts at 0 again; 0: it does not. */
  readonly range: bigint;
  /** What the package cannot exceed, W. */
  readonly maxWatts: number;
}

/**
 * What becomes of learning from a counter. Impossible, until it is tried again some time later: `elsewhere`: we may not
 * run on its CPU; `unreadable` there; `unmoved`: it does not move; `period`: it moves all the time, or more rarely than
 * every 5 ms; `virtual`: every 100 ms or more rarely, so it is no hardware's but a hypervisor's; `unsteady`: at no steady
 * times, as far as a busy CPU can tell; `noise`: hardly any of its updates can be seen when it comes.
 */
export type LearningState =
  | 'calibrating'
  | 'learning'
  | 'elsewhere'
  | 'unreadable'
  | 'unmoved'
  | 'period'
  | 'unsteady'
  | 'virtual'
  | 'noise';

/** How learning from a package's counter is going. */
export interface PackageLearning {
  /** Index of its zone. */
  readonly zone: number;
  readonly state: LearningState;
  /** -errno of `elsewhere` and `unreadable`, else 0. */
  readonly error: number;
  /** Mean time between two updates, ns, and their median absolute deviation from that; absent: not known. */
  readonly periodNs?: number;
  readonly jitterNs?: number;
  /** How exactly updates are seen: mean distance of the two reads around one, ns. */
  readonly edgeNs?: number;
  /**
   * Windows of two updates each that were learned from, and those that were not: an update was not seen exactly, or
   * missed; switches were lost; the energy is none, or more than the package can draw.
   */
  readonly windows: Readonly<Record<'used' | 'wide' | 'length' | 'lost' | 'energy', number>>;
  /** For how long of each second it is learned, ms. */
  readonly burstMs: number;
  /** CPU time of the thread that does it, ns. */
  readonly cpuNs: number;
}

export interface Learning {
  readonly packages: readonly PackageLearning[];
  /** Times that the model had to begin anew. */
  readonly restarts: number;
}

/** What may be wrong with the counters. */
export interface Failing {
  /** Indexes of the zones whose counter cannot be read. */
  readonly zones: Uint32Array;
  /** How long the machine slept since this was asked last, ns; 0: it did not. Registers may have begun anew. */
  readonly asleepNs: number;
}

/**
 * The BPF program with its counters. Everything rejects with an EnergyError; `close()` may be called twice.
 * Calls follow one another in a thread of the pool: none blocks the event loop, however long another takes.
 */
export interface Probe {
  /** Resolves with our pid as rows have it, in the first pid namespace: not `process.pid` in a container. */
  open(options: ProbeOptions): Promise<{ readonly ownPid: number }>;
  /** Opens the counter of a zone, or opens it anew after CPUs came or went; closes that of a zone without CPUs. */
  bind(index: number, zone: Zone, event: PerfEvent): Promise<void>;
  /**
   * What BPF and the clocks tell of the counters. It also finds the phase of counters that BPF has lost, and takes out
   * early what a CPU could not add up for much longer: to be called every second or so, whatever the answer is for.
   */
  lookAfter(): Promise<Failing>;
  /**
   * Calls back, until it is closed, when `lookAfter()` and the list of CPUs want looking at: a CPU came or went, or a
   * counter cannot be read. Waits for calls that are under way.
   */
  onAlarm(callback: () => void): void;
  /** Polls the counter of a zone that is bound, on one of its CPUs, which takes up to 150 ms. */
  calibrate(index: number, cpu: number): Promise<Calibration>;
  /**
   * Learns from these counters, and no others, what processes draw of them, in a thread each; drains then predict by
   * that. To be called anew when CPUs come or go: what has been learned stays.
   */
  learn(packages: readonly LearnedPackage[]): Promise<void>;
  askLearning(): Promise<Learning>;
  start(): Promise<void>;
  drain(): Promise<Columns>;
  close(): Promise<void>;
}

/** How a native call ended: 0, and then with its result, or -errno and the step that failed. */
type Outcome<Result = unknown> = { readonly status: number; readonly step: string } & Result;

interface Addon {
  readonly Probe: new () => {
    open(options: ProbeOptions, verbose: boolean): Promise<Outcome<{ readonly ownPid: number }>>;
    bind(
      zone: number,
      cpus: readonly number[],
      lead: number,
      type: number,
      config: bigint,
      config1: bigint,
      config2: bigint,
    ): Promise<Outcome>;
    calibrate(zone: number, cpu: number): Promise<Outcome<{ readonly calibration: Calibration }>>;
    learn(packages: readonly LearnedPackage[]): Promise<Outcome>;
    askLearning(): Promise<Outcome<Learning>>;
    start(): Promise<Outcome>;
    lookAfter(): Promise<Outcome<Failing>>;
    onAlarm(callback: () => void): Outcome;
    drain(): Promise<Outcome<{ readonly columns: Columns }>>;
    close(): Promise<Outcome>;
  };
  startCommand(words: string[]): Command | number;
  openPerfEvent(
    cpu: number,
    type: number,
    config: bigint,
    config1: bigint,
    config2: bigint,
  ): Outcome<{ readonly fd: number }>;
  dropPrivileges(keep: bigint): Outcome;
  askKernel(): KernelWants;
  readonly noProcess: number;
  readonly virtualPeriodNs: number;
  readonly fork: number;
  readonly exec: number;
  readonly exit: number;
  readonly libbpf: string;
}

/** Loads the native part, unless it is loaded already; attaches nothing. */
export function createProbe(): Probe {
  const native = new (addon ??= loadAddon()).Probe();
  return {
    // `settings/variables.ts` describes the variable.
    open: async (options) => succeeded(await native.open(options, 'JOULES_LIBBPF_LOG' in process.env)),
    bind: async (index, { cpus, lead }, { type, config, config1, config2 }) => {
      succeeded(await native.bind(index, [...cpus], lead, type, config, config1, config2));
    },
    calibrate: async (index, cpu) => succeeded(await native.calibrate(index, cpu)).calibration,
    lookAfter: async () => succeeded(await native.lookAfter()),
    onAlarm(callback) {
      succeeded(native.onAlarm(callback));
    },
    learn: async (packages) => {
      succeeded(await native.learn(packages));
    },
    askLearning: async () => succeeded(await native.askLearning()),
    start: async () => {
      succeeded(await native.start());
    },
    drain: async () => succeeded(await native.drain()).columns,
    close: async () => {
      succeeded(await native.close());
    },
  };
}

function succeeded<Result>(outcome: Outcome<Result>): Result {
  if (outcome.status < 0) throw nativeError(outcome.step, outcome.status);
  return outcome;
}

/**
 * Opens a perf event of one CPU for user space to read; the caller closes the descriptor.
 * @throws EnergyError where the kernel refuses it.
 */
export function openPerfEvent({ type, config, config1, config2 }: PerfEvent, cpu: number): number {
  const native = (addon ??= loadAddon());
  return succeeded(native.openPerfEvent(cpu, type, config, config1, config2)).fd;
}

/**
 * Gives up, in all threads and for good, every capability that is not in the mask `keep` (bit N is number N of
 * capabilities(7)), and what a program that is executed could gain (no_new_privs).
 * @throws EnergyError where a thread did not follow.
 */
export function dropPrivileges(keep: bigint): void {
  succeeded((addon ??= loadAddon()).dropPrivileges(keep));
}

/** What this kernel wants beyond CAP_PERFMON, found out by trying without it. */
export interface KernelWants {
  /** CAP_BPF for BPF programs and maps that are open already. */
  readonly bpf: boolean;
  /** CAP_SYS_ADMIN for perf events, as some distributions have it. */
  readonly admin: boolean;
}

export function askKernel(): KernelWants {
  return (addon ??= loadAddon()).askKernel();
}

/** A program that runs. */
export interface Command {
  readonly pid: number;
  /** Its exit status, and the number of the signal that ended it, 0 if none did. */
  readonly exited: Promise<{ readonly status: number; readonly signal: number }>;
}

/**
 * Runs a program with our stdin, stdout and stderr. child_process does too, but knows no number of a signal:
 * what a real-time signal ended would have exited with 0.
 * @throws EnergyError with the system's error code where it cannot be run.
 */
export function startCommand(words: readonly string[]): Command {
  const started = (addon ??= loadAddon()).startCommand([...words]);
  if (typeof started !== 'number') return started;
  const code = getSystemErrorName(started);
  const advice = code === 'ENOENT' ? 'no such program' : 'check that it may be executed';
  throw new EnergyError(code, `cannot run ${words[0]} (${code}): ${advice}`, code === 'ENOENT' ? 127 : 126);
}

let addon: Addon | undefined;

/** An installed package has the sources of the native part, and not what they are built with. */
const HOW_TO_BUILD =
  typeof __dirname === 'string' && __dirname.includes('/node_modules/')
    ? 'run `npm run build` in a clone of the project, and install that by `npm install DIRECTORY`'
    : 'run `npm run build`';

function loadAddon(): Addon {
  try {
    const directory = ownDirectory();
    const load = createRequire(join(directory, 'package.json'));
    const loaded = load(join(directory, 'build/Release/energy.node')) as Addon;
    const { fork, exec, exit, noProcess, virtualPeriodNs } = loaded;
    if (
      noProcess !== NO_PROCESS ||
      virtualPeriodNs !== VIRTUAL_PERIOD_NS ||
      fork !== LIFECYCLE.fork ||
      exec !== LIFECYCLE.exec ||
      exit !== LIFECYCLE.exit
    )
      throw new Error('it is of another version');
    return loaded;
  } catch (error) {
    if (error instanceof EnergyError) throw error;
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const message = `cannot load the native part (${why}): ${HOW_TO_BUILD}`;
    throw new EnergyError('ENOADDON', message, EXIT_UNABLE, { cause: error });
  }
}

/**
 * The directory of our package, two levels up from src/probe and from dist/probe alike.
 * @throws EnergyError where a bundler has moved this code away from it.
 */
function ownDirectory(): string {
  // Bundles that are ES modules have no __dirname.
  const directory = typeof __dirname === 'string' ? join(__dirname, '../..') : undefined;
  if (directory !== undefined && isOurs(join(directory, 'package.json'))) return directory;
  throw new EnergyError(
    'ENOADDON',
    "cannot load the native part: it is not in the bundle that this code is in; mark 'otel-ebpf-energy' as " +
      'external for the bundler (esbuild: --external:otel-ebpf-energy) and install the package beside the bundle',
  );
}

function isOurs(path: string): boolean {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown }).name === 'otel-ebpf-energy';
  } catch {
    return false;
  }
}
