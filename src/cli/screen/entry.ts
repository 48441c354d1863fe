// SPDX-License-Identifier: Apache-2.0
import type { GroupName } from '../../web/shared/wire.ts';

/** What the rows are sorted by. */
export const SORTS = ['watts', 'cpu', 'joules', 'pid', 'name'] as const;
export type Sort = (typeof SORTS)[number];

/** A row of the screen. Energies are µJ and CPU times µs. */
export interface Entry {
  /** Its own among the rows of a view. */
  readonly key: string;
  readonly label: string;
  /** `quiet`: what ended. */
  readonly kind: 'process' | 'quiet' | 'group' | 'core';
  readonly depth: number;
  readonly pid: number | null;
  readonly where: string | GroupName;
  /** In the time that the mean is of. */
  readonly energy: number;
  /** NaN where it is not known. */
  readonly error: number;
  readonly cpu: number;
  /** In the last minute. */
  readonly longer: number;
  /** Processes that are there, and that ended. */
  readonly alive: number;
  readonly ended: number;
  /** What its sparkline adds up: rows of frames, or their cgroups. */
  readonly rows?: readonly number[];
  readonly groups?: readonly number[];
  readonly core?: number;
  /** Of a group of a tree: whether its rows are hidden. */
  readonly isFolded?: boolean;
}
