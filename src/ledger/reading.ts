// SPDX-License-Identifier: Apache-2.0
import type { Attribution, SourceKind } from '../model/source.ts';
import type { DomainUsage } from '../model/snapshot.ts';
import type { ContainerNames } from '../model/container.ts';
import type { ProcessOwner } from './processes.ts';
import type { Entry } from './series.ts';

export type { ProcessOwner } from './processes.ts';

/** An energy counter. */
export interface HardwareOwner {
  readonly id: string;
  /** `hw.id` of what it is a part of. */
  readonly parent: string | null;
}

/** A counter that is no part of the CPUs' ledger. */
export interface DomainOwner extends HardwareOwner {
  readonly type: DomainUsage['type'];
  readonly kind: SourceKind;
}

export interface CgroupOwner {
  readonly path: string;
}

export interface ContainerOwner {
  /** null: a pod, of which no container is known. */
  readonly containerId: string | null;
  readonly runtime: string | null;
  readonly podUid: string | null;
  readonly names: ContainerNames;
}

export const REASONS = ['idle', 'gap', 'lost', 'shared'] as const;

/** Why Joules that a counter counted are no process's. */
export interface UnattributedOwner {
  readonly hardwareId: string;
  readonly reason: (typeof REASONS)[number];
}

/** Joules that a counter counted, by how they were split afterwards over who ran. */
export interface AttributedOwner {
  readonly hardwareId: string;
  readonly attribution: Attribution;
}

/** What the agent tells of itself, in the unit of its metric: counts, seconds, Joules. */
export const SELF = [
  'switches',
  'lost',
  'skipped',
  'rebinds',
  'gaps',
  'resets',
  'wraps',
  'cpu_time_s',
  'energy_j',
] as const;
export type SelfOwner = (typeof SELF)[number];

/** A series as one reader sees it at one collection. Times are monotonic, ms. */
export interface SeriesReading<Owner> {
  readonly owner: Owner;
  /** The sum by now. */
  readonly value: number;
  /** When counting began. */
  readonly sinceMs: number;
  /**
   * What this reader had received of it before, and when that was the sum; undefined: nothing yet. Is what it has received
   * now once this has arrived.
   */
  readonly before: { readonly value: number; readonly atMs: number } | undefined;
  /** The ledger's own. */
  readonly entry: Entry<Owner>;
}

/**
 * All series at one collection of one reader. Of what each grew since another collection,
 * Σ hardware = Σ processes + Σ unattributed and Σ cgroups = Σ processes.
 */
export interface LedgerReading {
  readonly kind: SourceKind;
  /** What an estimate is of; undefined where there is a counter. */
  readonly covers?: 'cpu' | 'server' | undefined;
  /** Value of `hw.type` of the CPUs' ledger. */
  readonly domain: string;
  /** End of the last interval, monotonic, ms. */
  readonly nowMs: number;
  /** The same at the reader's last collection that arrived; undefined: this is its first. */
  readonly beforeMs: number | undefined;
  readonly hardware: readonly SeriesReading<HardwareOwner>[];
  readonly domains: readonly SeriesReading<DomainOwner>[];
  readonly processes: readonly SeriesReading<ProcessOwner>[];
  readonly cgroups: readonly SeriesReading<CgroupOwner>[];
  readonly containers: readonly SeriesReading<ContainerOwner>[];
  readonly unattributed: readonly SeriesReading<UnattributedOwner>[];
  readonly attributed: readonly SeriesReading<AttributedOwner>[];
  readonly self: readonly SeriesReading<SelfOwner>[];
}

/** The series of a reading, whatever they are of. */
export function allSeries(reading: LedgerReading): SeriesReading<unknown>[] {
  const { hardware, domains, processes, cgroups, containers, unattributed, attributed, self } = reading;
  return [hardware, domains, processes, cgroups, containers, unattributed, attributed, self].flat();
}
