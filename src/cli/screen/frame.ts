// SPDX-License-Identifier: Apache-2.0
import { textOf } from '../../recording/moment.ts';
import { type Column, columnsOf } from './columns.ts';
import type { Entry } from './entry.ts';
import { clockOf, coresLine, ledgerLine, lengthOf, selfText, totalLine } from './header.ts';
import { helpLines } from './help.ts';
import type { Glyphs, Line, Piece } from './look.ts';
import type { Scene } from './scene.ts';
import { at, type State, topOf } from './state.ts';
import { clean, fit, fitRight, widthOf } from './text.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Where a recording is that is shown. */
export interface Playing {
  readonly index: number;
  readonly count: number;
  /** Its first and last time, ms since 1970. */
  readonly from: number;
  readonly to: number;
  /** Times as fast as it was. */
  readonly speed: number;
}

/** All that is drawn. */
export interface Picture {
  /** Undefined until something has been measured. */
  readonly scene: Scene | undefined;
  readonly entries: readonly Entry[];
  readonly state: State;
  readonly playing?: Playing | undefined;
  /** What there is to say, until something else is. */
  readonly notice?: string | undefined;
}

/** Below this height the lines of cores and of notices are left out. */
const LOW = 10;

/** Lines of rows on a screen of this size. */
export function roomOf({ height }: Size, isReplay: boolean): number {
  return Math.max(1, height - (height < LOW ? 2 : 4) - 2 - (isReplay ? 1 : 0));
}

/** The whole screen, as many lines as it has, none wider than it is. */
export function draw(picture: Picture, size: Size, glyphs: Glyphs): Line[] {
  const { width, height } = size;
  const { scene, state, playing } = picture;
  const head = scene
    ? headLines(picture, scene, size, glyphs)
    : [[{ text: firstWord(picture.notice, width, glyphs) }]];
  const room = roomOf(size, playing !== undefined);
  const self = scene ? selfText(scene, glyphs) : '';
  const help = { kind: scene?.source.kind, isReplay: playing !== undefined, self };
  const [titles, ...rows] = state.isHelp
    ? helpLines(help, width)
    : scene
      ? tableLines(picture, scene, { width, room }, glyphs)
      : [];
  const lines = [...head, titles ?? [], ...rows.slice(0, room)];
  while (lines.length < height - (playing ? 2 : 1)) lines.push([]);
  if (playing) lines.push(playingLine(playing, state, width, glyphs));
  lines.push(footLine(picture, room, width, glyphs));
  return lines.slice(-height).map((line) => clip(line, width));
}

/** What there is to say while there are no figures yet. */
function firstWord(notice: string | undefined, width: number, glyphs: Glyphs): string {
  const word = clean(notice ?? 'the first figures are on their way', glyphs.isAscii);
  return fit(`joules: ${word}`, width, glyphs.ellipsis).trimEnd();
}

function headLines({ state, playing, notice }: Picture, scene: Scene, size: Size, glyphs: Glyphs): Line[] {
  const { width, height } = size;
  const badge = state.isPaused ? 'PAUSED' : playing ? 'REPLAY' : undefined;
  const lines = [totalLine(scene, badge, width, glyphs), ledgerLine(scene, width, glyphs)];
  if (height < LOW) return lines;
  const said: Line =
    notice === undefined
      ? []
      : [{ text: fit(clean(notice, glyphs.isAscii), width, glyphs.ellipsis), style: 'warning' }];
  return [...lines, coresLine(scene, width, glyphs), said];
}

function tableLines(
  { entries, state }: Picture,
  scene: Scene,
  { width, room }: { readonly width: number; readonly room: number },
  glyphs: Glyphs,
): Line[] {
  const isTree = state.view === 'cgroup';
  const largest = entries.reduce((most, { energy }) => Math.max(most, energy), 0);
  const areCores = state.view === 'core';
  const columns = columnsOf({ scene, glyphs, width, largest, isTree, areCores });
  const sight = { entries, room };
  const top = topOf(state, sight);
  const marked = at(state, sight);
  const rows = entries.slice(top, top + room).map((entry, i) => {
    const pieces = spaced(columns.map((column) => column.piece(entry)));
    return top + i === marked ? pieces.map(({ text }): Piece => ({ text, style: 'cursor' })) : pieces;
  });
  if (rows.length === 0)
    rows.push([
      {
        text: state.find === '' ? '  nobody used anything' : '  nothing has these words: Esc clears them',
        style: 'dim',
      },
    ]);
  return [titleLine(columns, state, glyphs), ...rows];
}

function titleLine(columns: readonly Column[], state: State, { down, ellipsis }: Glyphs): Line {
  const title = state.view === 'container' ? 'CONTAINER' : undefined;
  return spaced(
    columns.map((column): Piece => {
      const isSorted = column.sort === state.sort;
      const name = column.sort === 'name' && title !== undefined ? title : column.title;
      const text = isSorted ? `${name}${down}` : name;
      const cells = column.isRight
        ? fitRight(text, column.cells, ellipsis)
        : fit(text, column.cells, ellipsis);
      return { text: cells, style: isSorted ? 'bold' : 'dim' };
    }),
  );
}

function spaced(pieces: readonly Piece[]): Line {
  return pieces.flatMap((piece, i) => (i === 0 ? [piece] : [{ text: ' ' }, piece]));
}

function playingLine(
  { index, count, from, to, speed }: Playing,
  { isPaused }: State,
  width: number,
  glyphs: Glyphs,
): Line {
  const day = textOf(from).slice(0, 10);
  const left = `${isPaused ? '||' : '>'} ${index + 1}/${count} `;
  const right = ` ${width >= 72 ? `${day} ` : ''}${clockOf(from)}-${clockOf(to)} ${glyphs.times}${speed}`;
  const room = Math.max(0, width - widthOf(left) - widthOf(right));
  const done = count > 1 ? Math.round((index / (count - 1)) * room) : room;
  return [
    { text: left, style: 'bold' },
    { text: glyphs.eighths[8]!.repeat(done), style: 'bar' },
    { text: glyphs.idle.repeat(room - done), style: 'idle' },
    { text: right },
  ];
}

function footLine({ entries, state, playing }: Picture, room: number, width: number, glyphs: Glyphs): Line {
  const top = topOf(state, { entries, room });
  const last = Math.min(entries.length, top + room);
  const seen = entries.length > room ? `${top + 1}-${last} of ${entries.length}` : `${entries.length} rows`;
  if (state.isTyping) {
    const typed = `/${clean(state.find, glyphs.isAscii)}_`;
    const hint = width >= 72 ? '   Enter keeps it, Esc clears it' : '';
    return footOf(
      [
        { text: typed, style: 'bold' },
        { text: hint, style: 'dim' },
      ],
      seen,
      width,
      glyphs,
    );
  }
  const found = state.find === '' ? '' : ` "${clean(state.find, glyphs.isAscii)}"`;
  const keys =
    width >= 100
      ? `q quit  t tree  c cores  s sort: ${state.sort}  m mean: ${state.mean} s  / filter${found}  space pause  ? help`
      : width >= 64
        ? `q quit  t tree  s ${state.sort}  m ${state.mean} s  / filter${found}  ? help`
        : `q t c s m${state.mean} /${found} ?help`;
  const replay = playing && width >= 140 ? '  , . step  [ ] 10 s  - + speed' : '';
  return footOf([{ text: keys + replay, style: 'dim' }], seen, width, glyphs);
}

/** What is at the right end is always seen. */
function footOf(left: Line, right: string, width: number, glyphs: Glyphs): Line {
  const room = Math.max(0, width - widthOf(right) - 1);
  const cut = clip(left, room);
  const rest = ' '.repeat(Math.max(0, room - lengthOf(cut)) + 1);
  return [
    ...cut,
    { text: rest },
    { text: fit(right, Math.min(widthOf(right), width), glyphs.ellipsis), style: 'dim' },
  ];
}

/** A line that is no wider, whatever was put into it. */
function clip(line: Line, width: number): Line {
  let left = width;
  const pieces: Piece[] = [];
  for (const { text, style } of line) {
    const cells = widthOf(text);
    if (left <= 0) break;
    pieces.push({ text: cells <= left ? text : fit(text, left, ''), style });
    left -= cells;
  }
  return pieces;
}
