// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { descriptors } from './held.ts';

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
