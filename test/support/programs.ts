// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';

/** `describe` with a program of the system's; without it the tests are skipped and say why. */
export function describeWithProgram(program: string, title: string, body: () => void): void {
  if (spawnSync(program, ['--version']).error) {
    describe.skip(`${title} (skipped: ${program} is not installed)`, body);
  } else describe(title, body);
}
