// SPDX-License-Identifier: Apache-2.0
import { EnergyError, EXIT_UNABLE } from '../model/errors.ts';

/** Advice on errors that say nothing about what was asked for: the process, or the system, is short of something. */
export const SHORTAGES = {
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENFILE: "raise the system's limit of open files (sysctl fs.file-max)",
  ENOMEM: 'free some memory',
} as const;

/** Whether a call failed for want of descriptors or memory, so that it may succeed the next time. */
export function isShortage(error: unknown): boolean {
  return Object.hasOwn(SHORTAGES, codeOf(error));
}

/**
 * The error for a system call that failed: `cannot ACTION (ERRNO): ADVICE`. Its code is that of the call; where the
 * system is short of something, the advice is about that.
 */
export function systemError(action: string, error: unknown, advice: string): EnergyError {
  const code = codeOf(error);
  const shortage: string | undefined = (SHORTAGES as Readonly<Record<string, string>>)[code];
  return new EnergyError(code, `cannot ${action} (${code}): ${shortage ?? advice}`, EXIT_UNABLE, {
    cause: error,
  });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'EIO';
}
