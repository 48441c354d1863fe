// SPDX-License-Identifier: Apache-2.0

/** The most series of each kind; what does not fit is in one series named `(other)`. */
export interface LedgerLimits {
  /** Processes with a series of their own; 0 switches them off. */
  readonly processes: number;
  readonly executables: number;
  readonly cgroups: number;
  readonly containers: number;
}

export const DEFAULT_LIMITS: LedgerLimits = {
  processes: 100,
  executables: 1000,
  cgroups: 1000,
  containers: 1000,
};
