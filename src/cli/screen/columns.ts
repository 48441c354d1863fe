// SPDX-License-Identifier: Apache-2.0
import { wattsBelow } from '../../web/shared/format.ts';
import { whereOf } from '../../web/shared/items.ts';
import type { Entry, Sort } from './entry.ts';
import { bar, type Glyphs, type Piece, sparkline, type Style } from './look.ts';
import { framesOfMean, type Scene } from './scene.ts';
import { seriesIn } from './series.ts';
import { clean, fit, fitMiddle, fitRight } from './text.ts';

/** What cells are made with. */
export interface Drawing {
  readonly scene: Scene;
  readonly glyphs: Glyphs;
  readonly width: number;
  /** The largest row, µJ. */
  readonly largest: number;
  readonly isTree: boolean;
  readonly areCores: boolean;
}

/** A column as wide as it is in this drawing. */
export interface Column {
  readonly title: string;
  readonly cells: number;
  readonly sort?: Sort;
  readonly isRight: boolean;
  readonly piece: (entry: Entry) => Piece;
}

/** Columns come as the width allows, by its least; the name has what is left. */
const FROM = {
  share: 46,
  spark: 54,
  bar: 60,
  pid: 64,
  cpu: 72,
  joules: 100,
  error: 110,
  where: 130,
} as const;

/** Cells of the sparkline from a width on, as many as are left by names that can be read. */
const SPARK_CELLS = [
  [160, 60],
  [120, 30],
  [100, 16],
  [72, 12],
  [0, 8],
] as const;

/** Cells of a name where there is room for where it is as well. */
const NAME = 32;

/** The columns of this width, which they fill with a space between any two. */
export function columnsOf(drawing: Drawing): Column[] {
  const { width, scene, areCores, isTree } = drawing;
  const isSure = Number.isNaN(errorOf(scene));
  const has = (part: keyof typeof FROM): boolean => width >= FROM[part];
  const fixed = [
    wattsColumn(drawing),
    has('error') && !isSure && !areCores && errorColumn(drawing),
    has('share') && shareColumn(drawing),
    has('bar') && barColumn(drawing),
    has('spark') && sparkColumn(drawing),
    has('cpu') && !areCores && cpuColumn(drawing),
    has('joules') && joulesColumn(drawing),
    has('pid') && !areCores && pidColumn(drawing),
  ].filter((column) => column !== false);
  const used = fixed.reduce((sum, { cells }) => sum + cells + 1, 0);
  const left = Math.max(1, width - used);
  const where = has('where') && !isTree ? left - Math.min(NAME, Math.floor(left / 2)) - 1 : 0;
  const named = nameColumn(drawing, left - (where > 0 ? where + 1 : 0));
  return [...fixed, named, ...(where > 0 ? [whereColumn(drawing, where)] : [])];
}

/** One standard deviation of all rows, µJ; NaN where it is not known. */
export function errorOf({ shown }: Scene): number {
  if (shown.rows.size === 0) return Number.NaN;
  let error = 0;
  for (const row of shown.rows.values()) error += row.error;
  return error;
}

function wattsColumn({ scene, largest, glyphs }: Drawing): Column {
  const text = (energy: number): string => wattsBelow(energy, scene.shown.ms, largest);
  return {
    title: 'WATTS',
    sort: 'watts',
    cells: 8,
    isRight: true,
    piece({ energy }) {
      const isShown = energy > 0 && !text(energy).startsWith('<');
      return isShown
        ? { text: fitRight(text(energy), 8, glyphs.ellipsis) }
        : { text: fitRight(glyphs.dot.trim(), 8, glyphs.ellipsis), style: 'dim' };
    },
  };
}

function errorColumn({ scene, largest, glyphs }: Drawing): Column {
  const text = ({ error }: Entry): string =>
    Number.isNaN(error) ? '' : `${glyphs.plusMinus}${wattsBelow(error, scene.shown.ms, largest)}`;
  return {
    title: `${glyphs.plusMinus} W`,
    cells: 8,
    isRight: true,
    piece: (entry) => ({ text: fitRight(text(entry), 8, glyphs.ellipsis), style: 'dim' }),
  };
}

function shareColumn({ scene, glyphs }: Drawing): Column {
  const part = (energy: number): number => (scene.shown.total > 0 ? (energy / scene.shown.total) * 100 : 0);
  return {
    title: 'SHARE',
    cells: 5,
    isRight: true,
    piece: ({ energy }) => ({ text: fitRight(part(energy).toFixed(1), 5, glyphs.ellipsis) }),
  };
}

function barColumn({ width, largest, glyphs }: Drawing): Column {
  const cells = width >= FROM.joules ? 12 : 8;
  const part = (energy: number): number => (largest > 0 ? energy / largest : 0);
  return {
    title: '',
    cells,
    isRight: false,
    piece: ({ energy }) => ({ text: bar(part(energy), cells, glyphs), style: 'bar' }),
  };
}

function sparkColumn({ width, scene, glyphs }: Drawing): Column {
  const cells = SPARK_CELLS.find(([from]) => width >= from)![1];
  const series = seriesIn(scene.frames.slice(-cells));
  // Intervals of a second are some ms longer or shorter.
  const interval = Math.round(scene.shown.ms / framesOfMean(scene).length / 100) / 10;
  return {
    title: `${Math.round(interval * cells)} s`,
    cells,
    isRight: false,
    piece: (entry) => ({
      text: sparkline(series(entry), cells, glyphs),
      style: 'idle',
    }),
  };
}

function cpuColumn({ scene, glyphs }: Drawing): Column {
  const part = (cpu: number): string => (Number.isNaN(cpu) ? '' : (cpu / scene.shown.ms / 10).toFixed(1));
  return {
    title: 'CPU %',
    sort: 'cpu',
    cells: 6,
    isRight: true,
    piece: ({ cpu }) => ({ text: fitRight(part(cpu), 6, glyphs.ellipsis) }),
  };
}

function joulesColumn({ scene, glyphs }: Drawing): Column {
  const text = (energy: number): string => {
    const value = energy / 1e6;
    return value >= 9999.5
      ? `${(value / 1000).toFixed(0)} k`
      : value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2);
  };
  const seconds = Math.round(scene.shown.longer.ms / 1000);
  return {
    title: `J ${seconds} s`,
    sort: 'joules',
    cells: 7,
    isRight: true,
    piece: ({ longer }) => ({ text: fitRight(text(longer), 7, glyphs.ellipsis) }),
  };
}

function pidColumn({ glyphs }: Drawing): Column {
  return {
    title: 'PID',
    sort: 'pid',
    cells: 8,
    isRight: true,
    piece: ({ pid }) => ({ text: fitRight(pid === null ? '' : String(pid), 8, glyphs.ellipsis) }),
  };
}

function nameColumn({ isTree, areCores, glyphs }: Drawing, cells: number): Column {
  const indent = (entry: Entry): string => {
    const mark = entry.kind === 'group' ? (entry.isFolded ? glyphs.folded : glyphs.open) : ' ';
    return isTree ? `${'  '.repeat(Math.min(entry.depth, 12))}${mark} ` : '';
  };
  return {
    title: areCores ? 'CORE' : isTree ? 'CGROUP / PROGRAM' : 'PROGRAM',
    sort: 'name',
    cells,
    isRight: false,
    piece(entry) {
      const before = indent(entry).slice(0, Math.max(0, cells - 4));
      const after = countText(entry, isTree, glyphs);
      // How many there are is not cut off with a long name.
      const room = Math.max(Math.min(4, cells - before.length), cells - before.length - after.length);
      const name = clean(entry.label, glyphs.isAscii);
      const cut = fitMiddle(name, room, glyphs.ellipsis).trimEnd();
      return { text: fit(before + cut + after, cells, glyphs.ellipsis), style: STYLES[entry.kind] };
    },
  };
}

const STYLES: Readonly<Record<Entry['kind'], Style | undefined>> = {
  process: undefined,
  quiet: 'dim',
  group: 'bold',
  core: undefined,
};

function countText({ kind, alive, ended, isFolded }: Entry, isTree: boolean, glyphs: Glyphs): string {
  if (kind === 'core' || (kind === 'group' && isTree && !isFolded)) return '';
  const parts = [
    alive > 1 ? ` ${glyphs.times}${alive}` : '',
    ended > 0 ? ` (${ended} ended)` : kind === 'quiet' && alive === 0 ? ' (ended)' : '',
  ];
  return parts.join('');
}

function whereColumn({ glyphs }: Drawing, cells: number): Column {
  return {
    title: 'WHERE',
    cells,
    isRight: false,
    piece: ({ where }) => ({
      text: fitMiddle(
        clean(typeof where === 'string' ? where : whereOf(where), glyphs.isAscii),
        cells,
        glyphs.ellipsis,
      ),
      style: 'dim',
    }),
  };
}
