// SPDX-License-Identifier: Apache-2.0

/** Exit statuses of the command line, fixed by the contract. */
export const EXIT_USAGE = 2;
export const EXIT_UNABLE = 3;

/**
 * The one error of this package: something a user can read in a sentence and act on.
 *
 * `code` is stable and for programs (`EUSAGE`, `ENOSOURCE`, `EPERM`, …), `message` says what is wrong
 * and what to do about it. `exitCode` is what the command line exits with: 2 for bad input,
 * 3 where this kernel, hardware or user cannot measure.
 */
export class EnergyError extends Error {
  readonly code: string;
  readonly exitCode: number;

  constructor(code: string, message: string, exitCode: number = EXIT_UNABLE, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EnergyError';
    this.code = code;
    this.exitCode = exitCode;
  }
}

/** Bad input: what is wrong and what to do, exit status 2. */
export function usageError(message: string): EnergyError {
  return new EnergyError('EUSAGE', message, EXIT_USAGE);
}
