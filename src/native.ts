// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import { EnergyError } from './errors.ts';
import type { PerfEvent, Zone } from './sources/source.ts';

/** How the probe is opened. */
export interface ProbeOptions {
  /** Path of the kernel's BTF, `/sys/kernel/btf/vmlinux`. */
  readonly btf: string;
  /** cgroup v1 controller whose cgroups are charged, `''` for v2. */
  readonly controller: string;
  /** Id of that hierarchy as in /proc/cgroups, 0 for v2. */
  readonly hierarchy: number;
  /** BPF reads the counters at switches; otherwise they are polled at each drain (or there are none). */
  readonly switched: boolean;
  /** ... and several CPUs may share one (costs 2 ns per switch). */
  readonly shared: boolean;
  /** The counter runs in idle as in use, so idle time bears its share. */
  readonly idlePays: boolean;
  /** Also report forks (costs about 0.1 µs per fork). */
  readonly followForks: boolean;
  /** Processes per interval and CPU that may overflow the CPU's own table before detail is lost. */
  readonly spillEntries: number;
}

/**
 * What the kernel recorded since the last drain: one typed array per field. `counts` are counts of the
 * energy counter, times are nanoseconds, `comm` holds 16 bytes per entry, ids are exact below 2^53.
 */
export interface Columns {
  /** Run time and energy per CPU, process (pid and start) and cgroup. pid 0 is idle. */
  readonly rows: {
    readonly cpu: Uint32Array;
    readonly pid: Uint32Array;
    readonly startNs: Float64Array;
    readonly cgroup: Float64Array;
    readonly timeNs: Float64Array;
    readonly counts: Float64Array;
    readonly comm: Buffer;
  };
  /** One entry per online CPU. `counts` = Σ rows + `lostCounts`; `residualCounts` is the difference, always 0. */
  readonly cpus: {
    readonly cpu: Uint32Array;
    readonly switches: Uint32Array;
    readonly lostRows: Uint32Array;
    readonly readErrors: Uint32Array;
    readonly backwards: Uint32Array;
    /** The last read's -errno, 0 if none failed. */
    readonly lastError: Int32Array;
    readonly counts: Float64Array;
    readonly gapCounts: Float64Array;
    readonly lostCounts: Float64Array;
    readonly lostTimeNs: Float64Array;
    readonly residualCounts: Float64Array;
  };
  /** Forks (if followed), execs and exits of whole processes, in their order. */
  readonly lives: {
    readonly kind: Uint32Array;
    readonly pid: Uint32Array;
    readonly startNs: Float64Array;
    readonly parentPid: Uint32Array;
    readonly parentStartNs: Float64Array;
    readonly comm: Buffer;
  };
  /** New cgroups of the hierarchy that is charged: id and path from its root. */
  readonly mkdirs: { readonly cgroup: Float64Array; readonly path: readonly string[] };
  /** Advance of each polled counter, by zone; NaN where it could not be read. */
  readonly polledCounts: Float64Array;
  /** Lives and new cgroups that found no room, since the start. */
  readonly lostEvents: number;
  /** CLOCK_MONOTONIC at this drain. */
  readonly timeNs: number;
}

/** The BPF program with its counters. Everything rejects with an EnergyError; `close()` may be called twice. */
export interface Probe {
  /** Our pid as rows have it, in the first pid namespace; another than `process.pid` in a container. */
  readonly ownPid: number;
  open(options: ProbeOptions): Promise<void>;
  /** Opens the counter of a zone, or opens it anew after CPUs came or went. */
  bind(index: number, zone: Zone, event: PerfEvent): Promise<void>;
  start(): Promise<void>;
  drain(): Promise<Columns>;
  close(): Promise<void>;
}

interface Addon {
  readonly Probe: new () => {
    readonly step: string;
    readonly ownPid: number;
    open(options: ProbeOptions): Promise<number>;
    bind(
      zone: number,
      cpus: readonly number[],
      lead: number,
      type: number,
      config: bigint,
      config1: bigint,
      config2: bigint,
    ): Promise<number>;
    start(): Promise<number>;
    drain(): Promise<Columns | number>;
    close(): Promise<number>;
  };
  readonly noProcess: number;
  readonly fork: number;
  readonly exec: number;
  readonly exit: number;
  readonly libbpf: string;
}

const addon = loadAddon();

/** pid of rows whose process detail was lost; their cgroup is known. */
export const NO_PROCESS: number = addon.noProcess;
/** Values of `lives.kind`. */
export const LIFE: { readonly fork: number; readonly exec: number; readonly exit: number } = addon;

export function createProbe(): Probe {
  const native = new addon.Probe();
  const check = (status: number): void => {
    if (status < 0) throw nativeError(native.step, -status);
  };
  return {
    get ownPid() {
      return native.ownPid;
    },
    open: async (options) => check(await native.open(options)),
    bind: async (index, { cpus, lead }, { type, config, config1, config2 }) =>
      check(await native.bind(index, [...cpus], lead, type, config, config1, config2)),
    start: async () => check(await native.start()),
    drain: async () => {
      const columns = await native.drain();
      if (typeof columns === 'number') throw nativeError(native.step, -columns);
      return columns;
    },
    close: async () => check(await native.close()),
  };
}

/** The 16-byte name at `index` of a `comm` column. */
export function commAt(comm: Buffer, index: number): string {
  const start = index * 16;
  let end = start;
  while (end < start + 16 && comm[end] !== 0) end++;
  return comm.toString('utf8', start, end);
}

const ADVICE: Readonly<Record<string, string>> = {
  EPERM: 'run as root, or with CAP_BPF and CAP_PERFMON',
  EACCES: 'run as root, or with CAP_BPF and CAP_PERFMON',
  ENODEV: 'the CPU of the counter is offline or has no such counter: see `joules doctor`',
  ENOENT: 'this kernel has no such counter or type: see `joules doctor`',
  ENOMEM: 'free some memory, or raise the locked-memory limit (ulimit -l) on kernels before 5.11',
  EINVAL: 'this kernel does not support it (Linux 5.15 or later with BTF is needed): see `joules doctor`',
};

function nativeError(step: string, errno: number): EnergyError {
  const code = getSystemErrorName(-errno);
  const advice = ADVICE[code] ?? 'see `joules doctor`';
  return new EnergyError(code, `cannot ${step} (${code}): ${advice}`);
}

function loadAddon(): Addon {
  const path = join(__dirname, '../build/Release/energy.node');
  try {
    return createRequire(__filename)(path) as Addon;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new EnergyError('ENOADDON', `cannot load the native part (${why}): run \`npm run build\``, 3, {
      cause: error,
    });
  }
}
