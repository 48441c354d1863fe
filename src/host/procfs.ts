// SPDX-License-Identifier: Apache-2.0
import { closeSync, existsSync, openSync, readlinkSync, readSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EnergyError } from '../model/errors.ts';
import { attempt, readText } from '../util/files.ts';

/** A process as BPF names it: pids are reused, a pid with its start is not. */
export interface ProcessKey {
  /** Process (thread group) id in the initial pid namespace. */
  readonly pid: number;
  /**
   * `start_boottime` of its group leader, ns of CLOCK_BOOTTIME. As a double it is exact for the first 104
   * days of uptime and within 4 ns for two years: enough for an identity and for ticks of 10 ms.
   */
  readonly startNs: number;
}

/** USER_HZ, the unit of times in /proc: 100 whatever CONFIG_HZ is (include/asm-generic/param.h). */
const TICKS_PER_SECOND = 100;
const NS_PER_TICK = 1e9 / TICKS_PER_SECOND;

/** Start of a process in ticks since boot, as the kernel has it in PID/stat of the procfs at `proc`. */
export function startTicks(startNs: number, proc: string): number {
  return Math.floor((startNs + bootOffsetNs(proc)) / NS_PER_TICK);
}

/** By where procfs is mounted: a process that runs stays in its time namespace. */
const bootOffsets = new Map<string, number>();

/**
 * How far CLOCK_BOOTTIME of our time namespace, which procfs goes by, is ahead of the machine's, which BPF has, ns:
 * time_namespaces(7). Containers that were moved to another machine have one.
 */
function bootOffsetNs(proc: string): number {
  let offset = bootOffsets.get(proc);
  if (offset === undefined) {
    const text = readText(join(proc, 'self/timens_offsets')) ?? '';
    const [, seconds = '0', ns = '0'] = /^boottime\s+(-?\d+)\s+(\d+)$/m.exec(text) ?? [];
    offset = Number(seconds) * 1e9 + Number(ns);
    bootOffsets.set(proc, offset);
  }
  return offset;
}

/** Farther from the epoch, in ms, no clock of a kernel gets, which counts ns in 64 bits. */
const FARTHEST_MS = 2 ** 64 / 1e6;

/**
 * Wall clock of boot in ms since the epoch: `btime` of /proc/stat.
 *
 * The kernel keeps it as one number, CLOCK_REALTIME - CLOCK_BOOTTIME, that only setting the clock moves.
 * Whoever reads it gets the same, so a process keeps its creation time when the meter is restarted. The price
 * is a resolution of 1 s, the same for all processes: no creation time is late, none is much more than 1 s
 * early. Date.now() - /proc/uptime would be closer and differ by some ms at every start.
 *
 * @throws EnergyError where no procfs is mounted at `proc`, or one that shows processes alone.
 */
export function bootTimeMs(proc: string): number {
  const path = join(proc, 'stat');
  const written = /^btime (\d+)$/m.exec(readText(path) ?? '')?.[1];
  if (written === undefined) {
    // proc(5): mounted with subset=pid, which systemd's ProcSubset=pid does, it has the processes and nothing else.
    const advice = existsSync(join(proc, 'self'))
      ? 'mount procfs without subset=pid there (systemd: ProcSubset=all)'
      : `mount procfs at ${proc}`;
    throw new EnergyError('EPROC', `${path} does not tell the time of boot: ${advice}`);
  }
  // Before 1970 where the clock was set back to less than the uptime: the kernel prints that without its sign.
  const seconds = Number(BigInt.asIntN(64, BigInt(written)));
  const boot = seconds * 1000 + bootOffsetNs(proc) / 1e6;
  if (Math.abs(boot) > FARTHEST_MS)
    throw new EnergyError(
      'EPROC',
      `${path} tells an impossible time of boot: mount the kernel's own procfs there`,
    );
  return boot;
}

/** Creation time in ISO 8601, of the resolution of /proc/PID/stat; see bootTimeMs for its accuracy. */
export function creationTimeOf(startNs: number, bootMs: number): string {
  return new Date(bootMs + Math.floor(startNs / NS_PER_TICK) * (1000 / TICKS_PER_SECOND)).toISOString();
}

/** What the kernel says of a process in /proc/PID/stat, proc_pid_stat(5). */
export interface ProcessStat {
  /** When it began, ticks since boot. */
  readonly startTicks: number;
  readonly kernelThread: boolean;
  readonly parentPid: number;
  /** All its threads have ended; its parent has not asked for its status. */
  readonly zombie: boolean;
}

/** PF_KTHREAD in include/linux/sched.h. */
const KERNEL_THREAD = 0x00200000;

/** undefined when there is no such process. */
export function readStat(proc: string, pid: number): ProcessStat | undefined {
  return parseStat(attempt(() => readAtOnce(`${proc}/${pid}/stat`)) ?? '');
}

/** The text of PID/stat; undefined where it is cut off. */
export function parseStat(stat: string): ProcessStat | undefined {
  // Field 2 is the name of the process, which may hold spaces and parentheses; field 3 follows its last ")".
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[22 - 3] === undefined) return undefined;
  return {
    startTicks: Number(fields[22 - 3]),
    kernelThread: (Number(fields[9 - 3]) & KERNEL_THREAD) !== 0,
    parentPid: Number(fields[4 - 3]),
    // The state is that of the first thread, which may end before others.
    zombie: fields[0] === 'Z' && Number(fields[20 - 3]) <= 1,
  };
}

/** Start of a process in ticks since boot; undefined when there is no such process. */
export function readStartTicks(proc: string, pid: number): number | undefined {
  return readStat(proc, pid)?.startTicks;
}

/** Whether the pid still is the process that is meant. Ask after reading what is to be trusted, not before. */
export function isAlive(proc: string, { pid, startNs }: ProcessKey): boolean {
  return readStartTicks(proc, pid) === startTicks(startNs, proc);
}

/**
 * File name of the program that a pid runs now. undefined for kernel threads, which have none, for programs
 * run from memory (memfd_create(2), as runc starts itself), and where the process is gone or hidden.
 */
export function readExecutable(proc: string, pid: number): string | undefined {
  const link = attempt(() => readlinkSync(`${proc}/${pid}/exe`));
  if (link === undefined || link.startsWith('/memfd:')) return undefined;
  return basename(link.replace(/ \(deleted\)$/, ''));
}

const chunk = Buffer.alloc(65_536);

/**
 * A file of procfs that is one record, `latin1`. The kernel gives that in one read. readFileSync would allocate
 * 64 KiB for each, since such files have no size: hundreds of MB where 10,000 processes are named.
 */
export function readAtOnce(path: string): string {
  const file = openSync(path, 'r');
  try {
    return chunk.toString('latin1', 0, readSync(file, chunk, 0, chunk.length, 0));
  } finally {
    closeSync(file);
  }
}
