// SPDX-License-Identifier: Apache-2.0
import type { Zone } from '../model/source.ts';
import type { Seconds } from '../model/units.ts';
import type { Arrangement, LoadName } from './observation.ts';

/** So long the loads stay as they are. */
export interface Segment {
  readonly arrangement: Exclude<Arrangement, 'between'>;
  readonly round: number;
  readonly seconds: Seconds;
  /** Intervals that it is measured in. */
  readonly intervals: number;
  readonly cpus: Readonly<Partial<Record<LoadName, readonly number[]>>>;
  /** The counter of the integer load's CPU is read in a loop before. */
  readonly watched?: true;
}

export interface Places {
  /** Where each load runs while it is pinned. */
  readonly integer: number;
  readonly memory: number;
  /** One thread of each core where they may run free. */
  readonly free: readonly number[];
}

/** Parts of the time: rest before and after, the tour of the cores, what is left is for the rounds. */
const REST = 0.1;
const TOUR = 0.12;
/** A counter moves every millisecond or so: an interval as long as this is a percent of nothing. */
const INTERVAL_S = 0.5;
/** Cores that are toured, evenly chosen of more. */
const MOST_VISITS = 64;
const LEAST_VISIT_S = 0.08;

/**
 * Two CPUs for the loads, of one thread of each core of one kind: on different cores; under different counters where there are several, as far apart as can be,
 * since it is far apart that counters are mixed up. The first CPU, which serves most interrupts, only where there are no
 * others. The same CPU twice where there is but one core.
 */
export function choosePlaces(cores: readonly number[], zones: readonly Pick<Zone, 'id' | 'cpus'>[]): Places {
  const usable = cores.length > 2 ? cores.filter((cpu) => cpu !== 0) : cores;
  const zoneOf = (cpu: number): string | undefined => zones.find(({ cpus }) => cpus.includes(cpu))?.id;
  const integer = usable[0]!;
  const elsewhere = usable.filter((cpu) => zoneOf(cpu) !== zoneOf(integer));
  const memory = elsewhere.at(-1) ?? usable.at(-1)!;
  return { integer, memory, free: cores };
}

/**
 * What is done in how much time; `cores` are toured. Rounds are run to and fro, so that what changes steadily (heat, clocks) does the same
 * to all that is compared.
 */
export function planOf(seconds: Seconds, places: Places, cores: readonly number[]): readonly Segment[] {
  const { integer, memory, free } = places;
  const several = integer !== memory;
  const rest = segment('rest', 0, seconds * REST, {});
  const first = { ...segment('integer', 0, seconds * 0.02, { integer: [integer] }), watched: true as const };
  const known = segment('memory', 0, seconds * 0.02, { memory: [memory] });
  const rounds = seconds >= 60 ? 4 : seconds >= 20 ? 3 : 2;
  const arrangements: readonly (readonly [Segment['arrangement'], Segment['cpus']])[] = [
    ['integer', { integer: [integer] }],
    ['memory', { memory: [memory] }],
    ['turns', { integer: [integer], memory: [integer] }],
    ...(several
      ? ([
          ['apart', { integer: [integer], memory: [memory] }],
          ['free', { integer: free, memory: free }],
        ] as const)
      : []),
  ];
  const left = seconds * (1 - 2 * REST - TOUR - 0.04);
  const each = left / (rounds * arrangements.length);
  return [
    rest,
    first,
    known,
    ...tour(seconds * TOUR, cores),
    ...Array.from({ length: rounds }, (_, round) => {
      const order = round % 2 === 0 ? arrangements : arrangements.toReversed();
      return order.map(([arrangement, cpus]) => segment(arrangement, round + 1, each, cpus));
    }).flat(),
    { ...rest, round: rounds + 1 },
  ];
}

function segment(
  arrangement: Segment['arrangement'],
  round: number,
  seconds: Seconds,
  cpus: Segment['cpus'],
): Segment {
  // Two at least, so that one can be compared with the next.
  const intervals = Math.max(seconds < 2 * LEAST_VISIT_S ? 1 : 2, Math.floor(seconds / INTERVAL_S));
  return { arrangement, round, seconds, intervals, cpus };
}

function tour(seconds: Seconds, cores: readonly number[]): Segment[] {
  const most = Math.max(1, Math.min(MOST_VISITS, Math.floor(seconds / LEAST_VISIT_S)));
  const step = Math.max(1, cores.length / most);
  const visited = Array.from(
    { length: Math.min(most, cores.length) },
    (_, i) => cores[Math.floor(i * step)]!,
  );
  return visited.map((cpu) => segment('tour', 0, seconds / visited.length, { integer: [cpu] }));
}
