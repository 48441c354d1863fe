// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';

/** `test`, or that it is skipped for want of FUSE. */
export function testWithFuse(title: string, body: () => Promise<void>): void {
  if (existsSync('/dev/fuse')) test(title, body);
  else test.skip(`${title} (skipped: needs /dev/fuse)`, body);
}

/**
 * Mounts a file system of FUSE that nobody serves: whatever is asked of it is not answered before it is disposed of. Only for
 * root. The path must not be looked at by what blocks.
 */
export function hangingMount(path: string): Disposable {
  const device = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
  execFileSync('mount', ['-i', '-t', 'fuse', '-o', options, 'hanging', path], {
    stdio: ['ignore', 'ignore', 'inherit', device],
  });
  return {
    [Symbol.dispose]() {
      // With its last descriptor the connection ends, and all that waits for it fails.
      closeSync(device);
      execFileSync('umount', ['--lazy', path]);
    },
  };
}
