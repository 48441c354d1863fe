// SPDX-License-Identifier: Apache-2.0

/** What a piece of text is; `paint.ts` knows how each looks. */
export type Style =
  | 'bold'
  | 'dim'
  | 'bar'
  | 'idle'
  | 'nobody'
  | 'warning'
  | 'badge'
  | 'cursor'
  | 'heat0'
  | 'heat1'
  | 'heat2'
  | 'heat3'
  | 'heat4'
  | 'heat5';

/** Text of one style. */
export interface Piece {
  readonly text: string;
  readonly style?: Style | undefined;
}

/** A line of the screen. */
export type Line = readonly Piece[];

/** The characters that charts and marks are made of. */
export interface Glyphs {
  readonly isAscii: boolean;
  /** From small to full, eight of them. */
  readonly levels: string;
  /** Parts of a cell from left to right, none to full, in eighths. */
  readonly eighths: string;
  readonly idle: string;
  readonly nobody: string;
  readonly down: string;
  readonly folded: string;
  readonly open: string;
  readonly ellipsis: string;
  readonly dot: string;
  readonly about: string;
  readonly plusMinus: string;
  readonly times: string;
}

export const UNICODE: Glyphs = {
  isAscii: false,
  levels: '▁▂▃▄▅▆▇█',
  eighths: ' ▏▎▍▌▋▊▉█',
  idle: '░',
  nobody: '▚',
  down: '▾',
  folded: '▸',
  open: '▾',
  ellipsis: '…',
  dot: ' · ',
  about: '≈',
  plusMinus: '±',
  times: '×',
};

export const ASCII: Glyphs = {
  isAscii: true,
  levels: '_.-~=*#@',
  eighths: '    -####',
  idle: '.',
  nobody: '?',
  down: 'v',
  folded: '+',
  open: '-',
  ellipsis: '~',
  dot: ' | ',
  about: '~',
  plusMinus: '+-',
  times: 'x',
};

/** Glyphs that the locale of these variables has. Where none says anything it is UTF-8, as terminals are. */
export function glyphsOf(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || 'C.UTF-8';
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

/** A bar whose full length is so many cells. */
export function bar(part: number, cells: number, { eighths }: Glyphs): string {
  const steps = Math.round(Math.max(0, Math.min(1, part)) * cells * 8);
  const full = Math.floor(steps / 8);
  return (eighths[8]!.repeat(full) + (full < cells ? eighths[steps % 8]! : '')).padEnd(cells);
}

/** The last values, a cell each, the newest at the right; the largest of them, or of `most`, is full. */
export function sparkline(values: readonly number[], cells: number, { levels }: Glyphs, most = 0): string {
  const shown = values.slice(-cells);
  const full = Math.max(...shown, most, 1e-9);
  const level = (value: number): string => levels[Math.min(7, Math.floor((value / full) * 7.99))]!;
  return shown
    .map((value) => (value > 0 ? level(value) : ' '))
    .join('')
    .padStart(cells);
}
