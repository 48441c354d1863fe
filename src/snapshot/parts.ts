// SPDX-License-Identifier: Apache-2.0
import type { Charges } from '../attribution/attribute.ts';
import type { AuxiliaryCharges } from '../attribution/auxiliary.ts';
import type { Recorded } from '../counters/intervals.ts';
import type { Identifier } from '../identity/identify.ts';
import type { Namer } from '../identity/namer.ts';
import type { Interval } from '../probe/collector.ts';
import type { Filter } from './filter.ts';

/** An interval, and who names what is in it. */
export interface Parts {
  readonly interval: Interval & Pick<Recorded, 'skipped'>;
  readonly charges: Omit<Charges, 'zones'> & AuxiliaryCharges;
  readonly identifier: Identifier;
  readonly filter: Filter;
  /** Looks up names of containers, if that is asked for. */
  readonly namer: Namer | undefined;
  readonly ownPid: number;
  /** Forks, execs and exits of this interval that found no room. */
  readonly lostEvents: number;
}
