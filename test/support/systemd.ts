// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describeForNobody } from './privileges.ts';

/** Debian's, which has Debian's modules. */
export const PYTHON = '/usr/bin/python3';

/** Runs a program as a unit allows: `PYTHON SANDBOX UNIT PROGRAM ARGS…`. */
export const SANDBOX = join(__dirname, 'sandbox.py');

export const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
const hasFilters = spawnSync(PYTHON, ['-c', 'import seccomp']).status === 0;

/** `describe` where units can be judged. */
export const describeWithAnalyze: jest.Describe = ((title: string, body: () => void) => {
  if (hasAnalyze) describe(title, body);
  else describe.skip(`${title} (skipped: there is no systemd-analyze)`, body);
}) as jest.Describe;

/** `describeForNobody` where the filter of a unit can be loaded. */
export const describeInSandbox: jest.Describe = ((title: string, body: () => void) => {
  if (hasAnalyze && hasFilters) describeForNobody(title, body);
  else describe.skip(`${title} (skipped: needs systemd-analyze and python3-seccomp)`, body);
}) as jest.Describe;
