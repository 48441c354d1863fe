// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import { parseOptions } from '../settings/options.ts';
import { type Shell, SHELLS } from '../settings/verbs.ts';
import { bashCompletion } from './completion-bash.ts';
import { fishCompletion } from './completion-fish.ts';
import { zshCompletion } from './completion-zsh.ts';
import { complain } from './print.ts';

const SCRIPTS: Readonly<Record<Shell, () => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `joules completion SHELL`: prints a script for a shell to source. */
export async function completion(args: readonly string[]): Promise<number> {
  const [shell] = parseOptions('completion', args).operands;
  if (shell === undefined)
    throw usageError(`completion needs a shell: joules completion ${SHELLS.join('|')}`);
  process.stdout.write(SCRIPTS[shell as Shell]());
  if (process.stdout.isTTY)
    complain('this is for a file that the shell reads: joules completion --help says which');
  return Promise.resolve(0);
}
