// SPDX-License-Identifier: Apache-2.0
import { integer } from './kinds.ts';
import type { InGroup, Table } from './setting.ts';
import type { LedgerLimits } from './types.ts';

const SERIES = integer({ min: 3, max: 1_000_000 });

/** How many series the ledger may have. */
export const LIMITS: Table<InGroup<'limits', LedgerLimits>> = {
  'limits.processes': {
    kind: integer({ min: 0, max: 1_000_000 }),
    fallback: 100,
    key: 'limits.processes',
    description: 'processes with a series of their own, the largest first; 0: none has one',
  },
  'limits.executables': {
    kind: SERIES,
    fallback: 1000,
    key: 'limits.executables',
    description: 'executables with a series of their own, the largest first',
  },
  'limits.cgroups': {
    kind: SERIES,
    fallback: 1000,
    key: 'limits.cgroups',
    description: 'cgroups likewise',
  },
  'limits.containers': {
    kind: SERIES,
    fallback: 1000,
    key: 'limits.containers',
    description: 'containers likewise',
  },
};

/** The limits where nobody sets them. */
export const DEFAULT_LIMITS: LedgerLimits = {
  processes: LIMITS['limits.processes'].fallback!,
  executables: LIMITS['limits.executables'].fallback!,
  cgroups: LIMITS['limits.cgroups'].fallback!,
  containers: LIMITS['limits.containers'].fallback!,
};
