// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';

/** Descriptors of this process with what they are of: `anon_inode:bpf-map`, `/dev/null`. */
function descriptors(): Map<number, string> {
  const open = new Map<number, string>();
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      open.set(Number(fd), readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // The one that read the directory.
    }
  }
  return open;
}

/** How many of each kind are open, pipes and sockets apart, which are those of the test itself. */
export function openDescriptors(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const target of descriptors().values())
    if (!/^(pipe|socket):/.test(target)) counts[target] = (counts[target] ?? 0) + 1;
  return counts;
}

/** Runs `body` while this process can open `free` files more: then the kernel answers EMFILE. */
export async function withFewDescriptors<Result>(
  free: number,
  body: () => Promise<Result> | Result,
): Promise<Result> {
  // A process of its own, which has its descriptors, gives the limit back when we could not start it any more.
  const limit = `prlimit --pid ${process.pid}`;
  const script =
    `old=$(${limit} --noheadings --output SOFT --nofile) && read new && ` +
    `${limit} --nofile=$new: && echo ready && read end; ${limit} --nofile=$old:`;
  const child = spawn('sh', ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  child.stdin.write(`${limitFor(free)}\n`);
  await once(child.stdout, 'data');
  try {
    return await body();
  } finally {
    child.stdin.end('\n');
    await exited;
  }
}

/** RLIMIT_NOFILE is above the highest descriptor that may be opened; free numbers below it are taken first. */
function limitFor(free: number): number {
  const used = descriptors();
  let limit = 0;
  for (let left = free; left > 0 || used.has(limit); limit++) if (!used.has(limit)) left--;
  return limit;
}
