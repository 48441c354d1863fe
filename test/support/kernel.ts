// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A counter whose truth is known: every CPU "uses" its TSC frequency x 1 nJ per second. */
export const TSC = 'perf:msr/tsc/,scope=cpu,joules=1e-9,kind=measured';

/** The PMU of that counter, for perf_event_open(2). */
export function msrType(): number {
  return Number(readFileSync('/sys/bus/event_source/devices/msr/type', 'latin1'));
}

/** `describe` where BPF can be loaded; elsewhere the tests are skipped and say why. */
export const describeOnKernel: jest.Describe = ((title: string, body: () => void) => {
  const why = missing();
  if (why === undefined) describe(title, body);
  else describe.skip(`${title} (skipped: ${why})`, body);
}) as jest.Describe;

function missing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'needs a kernel with BTF';
  if (!existsSync('/sys/bus/event_source/devices/msr/events/tsc')) return 'needs the perf event msr/tsc/';
  return undefined;
}

/** Programs that run until the test is over. */
export class Load implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];

  start(file: string, ...args: string[]): number {
    const child = spawn(file, args, { stdio: 'ignore', detached: true });
    this.#children.push(child);
    return child.pid!;
  }

  /** A shell that counts for ever. */
  spin(): number {
    return this.start('sh', '-c', 'while :; do :; done');
  }

  /**
   * stress-ng: a pair that switches to and fro, a loop, and what `more` adds. One pair: two of them keep all else from
   * running for up to 20 s on Linux 6.18, whether energy is measured or not. It ends by itself, should the test be killed,
   * but not while the slowest machine is at it.
   */
  stress(...more: string[]): number {
    return this.start('stress-ng', '--switch', '1', '--cpu', '1', ...more, '-q', '-t', '600');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        // What has ended by itself has told so already.
        if (child.exitCode !== null || child.signalCode !== null) return;
        const gone = once(child, 'exit');
        // stress-ng has children of its own: the whole group goes.
        process.kill(-child.pid!, 'SIGKILL');
        await gone;
      }),
    );
  }
}

/** Of all CPUs since boot, s, as the kernel accounts it in /proc/stat: asleep, and taken by the hypervisor. */
export function cpuSeconds(): { readonly idle: number; readonly stolen: number } {
  const fields = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'latin1'))![1]!.split(' ').map(Number);
  return { idle: (fields[3]! + fields[4]!) / 100, stolen: fields[7]! / 100 };
}

/** Run time of all threads of a process in s, as the scheduler accounts it (/proc/PID/task/TID/schedstat). */
export function scheduledSeconds(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1e9;
}

/** Resolves with the first value that `probe` has; rejects when it has none in time. */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 300_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`gave up waiting for ${what}`);
    await sleep(20);
  }
}
