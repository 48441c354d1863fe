// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';
import { type Columns, LIFECYCLE, NO_PROCESS } from './columns.ts';
import { getSystemErrorName } from 'node:util';
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';
import { nativeError } from './advice.ts';
import { HOW_TO_BUILD, nativeFile } from './native-part.ts';
import { isShortage } from '../util/system-error.ts';
import type { PerfEvent, Zone } from '../model/source.ts';
import type { LearnedPackage, Learning } from './learned.ts';

export type { CoreLearning, LearnedPackage, Learning, LearningState, PackageLearning } from './learned.ts';

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
  /**
   * Whether `learn()` may be called, or, where BPF reads the counters, a thread corrects by what it learns of them what
   * BPF has learned: the switches of each CPU then have a log of 32 KiB.
   */
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

/** What may be wrong with the counters. */
export interface Failing {
  /** Indexes of the zones whose counter cannot be read. */
  readonly zones: Uint32Array;
  /** How long the machine slept since this was asked last, ns; 0: it did not. Registers may have begun anew. */
  readonly asleepNs: number;
}

/**
 * The BPF program with its counters. Everything rejects with an EnergyError; `close()` may be called twice.
 * Calls follow one another in a thread of the pool: none blocks the event loop, however long another takes. While it is
 * open another thread takes out of the kernel what would find no room there until the next `drain()`.
 */
export interface Probe {
  /** Resolves with our pid as rows have it, in the first pid namespace: not `process.pid` in a container. */
  open(options: ProbeOptions): Promise<{ readonly ownPid: number }>;
  /** Opens the counter of a zone, or opens it anew after CPUs came or went; closes that of a zone without CPUs. */
  bind(index: number, zone: Zone, event: PerfEvent): Promise<void>;
  /**
   * What BPF and the clocks tell of the counters. It also finds the phase of counters that BPF has lost: to be called
   * every second or so, whatever the answer is for.
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
  spareMemory(): void;
  peerOf(socket: number): Outcome<Peer>;
  readonly threadCpuNs: () => number;
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

/** Keeps what malloc holds near what is used, in the whole process: for a process that does nothing but measure. */
export function spareMemory(): void {
  (addon ??= loadAddon()).spareMemory();
}

/**
 * The clock of CPU time of the calling thread, ns.
 * @throws EnergyError where the native part is not there.
 */
export function threadCpuClock(): () => number {
  return (addon ??= loadAddon()).threadCpuNs;
}

/** Who connected to a Unix socket, as native/peer.h has it. */
export interface Peer {
  /** In our pid namespace; 0: it is not seen from there. */
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** A descriptor of the process, to be closed, or -1 where the kernel (before 6.5) gives none. */
  readonly process: number;
}

/** @throws EnergyError where the process has ended. */
export function peerOf(socket: number): Peer {
  return succeeded((addon ??= loadAddon()).peerOf(socket));
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
  const advice =
    code === 'ENOENT' ? `no such program${forShell(words[0]!)}` : 'check that it may be executed';
  throw new EnergyError(code, `cannot run ${words[0]} (${code}): ${advice}`, code === 'ENOENT' ? 127 : 126);
}

/** What to do where a whole line was given as the name of a program. */
function forShell(name: string): string {
  const quoted = `'${name.replaceAll("'", String.raw`'\''`)}'`;
  return /[\s|&;<>()$*]/.test(name) ? `; if it is a line for a shell: sh -c ${quoted}` : '';
}

/** Path of the program that `joules verify` is measured with, which is built with the native part. */
export function loadProgram(): string {
  return nativeFile('joules-load');
}

let addon: Addon | undefined;

function loadAddon(): Addon {
  try {
    const path = nativeFile('energy.node');
    const loaded = createRequire(path)(path) as Addon;
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
    if (error instanceof EnergyError || isShortage(error)) throw error;
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const message = `cannot load the native part (${why}): ${HOW_TO_BUILD}`;
    throw new EnergyError('ENOADDON', message, EXIT_UNABLE, { cause: error });
  }
}
