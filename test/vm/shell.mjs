// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

/** Runs a command to its end and returns what it printed; an Error with the last lines if it failed. */
export function must(command, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    ...options,
  });
  if (status === 0) return stdout;
  const said = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-20).join('\n');
  throw new Error(`${command} ${args.slice(-2).join(' ')} failed: ${error?.message ?? said}`);
}
