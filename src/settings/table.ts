// SPDX-License-Identifier: Apache-2.0
// Every setting once. Option parser, configuration file, library, --help, manual and the tables of docs/settings.md are made of
// these; `variables.ts` has the OTEL_* variables.
import type { KubeletOptions } from '../identity/kubelet.ts';
import { SOCKET_DIRECTORY } from '../attach/protocol.ts';
import { choice, socketDirectory } from './kinds.ts';
import { LIMITS } from './ledger-table.ts';
import { METER } from './meter-table.ts';
import type { InGroup, Table } from './setting.ts';
import { type LedgerLimits, type MeterOptions, type RecorderOptions, SCOPES } from './types.ts';

export { COMMAND } from './command-table.ts';
export { DEFAULT_LIMITS } from './ledger-table.ts';
export { METER } from './meter-table.ts';
export { MAX_TIMER_MS, rowsOf, type Setting, type Table } from './setting.ts';

/** All options of the library, flat. */
export type Library = Omit<MeterOptions, 'kubelet'> &
  Pick<RecorderOptions, 'scope' | 'socketDirectory'> &
  InGroup<'kubelet', KubeletOptions> &
  InGroup<'limits', LedgerLimits>;

/** Options of the agent's, the producer's and the instrumentation's recorder. */
export const RECORDER: Table<Library> = {
  ...METER,
  scope: {
    kind: choice(SCOPES),
    fallback: 'process',
    description: 'whose energy an application exports: its own, or all of the machine (as the agent does)',
  },
  socketDirectory: {
    kind: socketDirectory(),
    fallback: SOCKET_DIRECTORY,
    description:
      "where an application without privileges finds the agent's sockets, to get its own energy of it; none: it does not ask",
  },
  ...LIMITS,
};
