// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../model/snapshot.ts';
import type { EnergySource } from '../model/source.ts';

/** How a source is going to be split, for the end of a list; nothing where nothing is split afterwards. */
export function splitPlan(source: EnergySource): string {
  if (source.reader !== 'user') return '';
  if (source.attribution === 'learned')
    return `, split ${WORDS.learned}, or ${WORDS.time} while too little is learned`;
  return `, split ${WORDS.time}${source.attribution === 'time' ? ', as is asked for' : ''}`;
}

const WORDS = { learned: 'by learned power', time: 'by time' } as const;

/** Kind and name of a source; where the kind is its name, once: `measured (power_core)`, `estimated`. */
export function kindAndName(source: Snapshot['source']): string {
  return withName(kindText(source), source.name);
}

/** As `kindAndName`, of an interval. */
export function snapshotKindAndName(snapshot: Pick<Snapshot, 'source' | 'zones'>): string {
  return withName(snapshotKindText(snapshot), snapshot.source.name);
}

/** A kind, and the name of a source where that says more. */
export function withName(kind: string, name: string): string {
  return kind === name ? kind : `${kind} (${name})`;
}

/** What kind of figures these are, and how they were split: `apportioned by learned power`, `measured`. */
export function kindText({ kind, attribution }: Snapshot['source']): string {
  return attribution === null ? kind : `${kind} ${WORDS[attribution]}`;
}

/** As `kindText`, of an interval: where counters were not split alike, which of them by time. */
export function snapshotKindText({ source, zones }: Pick<Snapshot, 'source' | 'zones'>): string {
  const byTime = zones.filter(({ attribution }) => attribution === 'time').map(({ id }) => id);
  if (!zones.some(({ attribution }) => attribution === 'learned') || byTime.length === 0)
    return kindText(source);
  return `${kindText({ ...source, attribution: 'learned' })}, ${byTime.join(' and ')} ${WORDS.time}`;
}
