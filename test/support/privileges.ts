// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Capability, maskOf } from '../../src/host/capabilities.ts';
import { JOULES } from './joules.ts';
import { describeOnKernel, type Load } from './kernel.ts';
import { temporaryDirectory } from './temporary.ts';

const NOBODY = 65_534;
export interface Thread {
  readonly name: string;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
  readonly bounding: bigint;
  readonly noNewPrivs: number;
}

/** Of /proc/PID/status or of one of its threads. */
export function parseThread(status: string): Thread {
  const set = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(status)![1]}`);
  return {
    name: /^Name:\s*(.*)$/m.exec(status)![1]!,
    permitted: set('CapPrm'),
    effective: set('CapEff'),
    inheritable: set('CapInh'),
    ambient: set('CapAmb'),
    bounding: set('CapBnd'),
    noNewPrivs: Number(set('NoNewPrivs')),
  };
}

export function threadsOf(pid: number): Thread[] {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.map((tid) => parseThread(readFileSync(`/proc/${pid}/task/${tid}/status`, 'latin1')));
}

/** What all threads have that have `kept` and can gain nothing. */
export function only(...kept: Capability[]): Omit<Thread, 'name'> {
  const mask = maskOf(kept);
  const none = { inheritable: 0n, ambient: 0n, bounding: 0n };
  return { permitted: mask, effective: mask, ...none, noNewPrivs: 1 };
}

/** setpriv(1) for a user of no account who has these capabilities and no other. */
export function asNobody(...capabilities: string[]): string[] {
  const added = capabilities.map((one) => `,+${one}`).join('');
  const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  return [...ids, `--inh-caps=-all${added}`, `--ambient-caps=-all${added}`, `--bounding-set=-all${added}`];
}

/** A program that spins under a name longer than the kernel's 15 characters, run by `runner` (setpriv), or by us. */
export function longNamed(load: Load, name: string, ...runner: string[]): void {
  const directory = temporaryDirectory();
  chmodSync(directory, 0o755);
  copyFileSync('/bin/sh', join(directory, name));
  chmodSync(join(directory, name), 0o755);
  const program = [join(directory, name), '-c', 'while :; do :; done'];
  const [file = '', ...args] = [...runner, ...program];
  load.start(file, ...args);
}

/** `describe` where files can be given to others. */
export const describeAsRoot: jest.Describe = ((title: string, body: () => void) => {
  if (process.getuid?.() === 0) describe(title, body);
  else describe.skip(`${title} (skipped: needs root)`, body);
}) as jest.Describe;

/** `describeOnKernel` where another user can read us, too: not in a home of mode 0700. */
export const describeForNobody: jest.Describe = ((title: string, body: () => void) => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || spawnSync('setpriv', [...asNobody(), 'test', '-r', JOULES]).status === 0)
    describeOnKernel(title, body);
  else describe.skip(`${title} (skipped: another user cannot read ${JOULES})`, body);
}) as jest.Describe;

/** `describeOnKernel` where libuv makes system calls by a thread of the kernel's if it is asked to. */
export const describeWithKernelThread: jest.Describe = ((title: string, body: () => void) => {
  if (hasKernelThread()) describeOnKernel(title, body);
  else describe.skip(`${title} (skipped: libuv or the kernel has no io_uring)`, body);
}) as jest.Describe;

function hasKernelThread(): boolean {
  const script = `
    const { readdirSync, readFileSync } = require('node:fs');
    const names = readdirSync('/proc/self/task').map((tid) => readFileSync('/proc/self/task/' + tid + '/comm', 'utf8'));
    process.exit(names.some((name) => name.startsWith('iou-')) ? 0 : 1)`;
  const env = { ...process.env, UV_USE_IO_URING: '1' };
  return spawnSync(process.execPath, ['-e', script], { env }).status === 0;
}
