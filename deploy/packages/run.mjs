// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

const home = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
export const CACHE = join(home, 'otel-ebpf-energy/packages');

/** Runs a command to its end and returns what it printed; an Error with its last lines if it failed. */
export function must(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    ...options,
    // bpftool and debootstrap are in /usr/sbin, which is not in every path.
    env: { ...(options.env ?? process.env), PATH: `${process.env.PATH}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' },
  });
  if (status === 0) return stdout;
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-20).join('\n');
  throw new Error(`${command} ${args.slice(-2).join(' ')} failed: ${error?.message ?? said}`);
}

export function kilobytes(bytes) {
  return `${(bytes / 1000).toFixed(0)} kB`;
}

/** The time of all files, s: of the last commit, so that what is made of the same commit is the same. */
export const EPOCH = process.env.SOURCE_DATE_EPOCH ?? commitTime();

function commitTime() {
  try {
    return must('git', ['-C', ROOT, 'log', '-1', '--format=%ct']).trim();
  } catch {
    return '1767225600';
  }
}
