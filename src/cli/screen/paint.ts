// SPDX-License-Identifier: Apache-2.0
import type { Line, Piece, Style } from './look.ts';
import { widthOf } from './text.ts';

/** Bits of colour of a terminal, as `tty.WriteStream.getColorDepth` tells them; 1: none, or none are wanted. */
export type ColourDepth = number;

/** SGR parameters: without colours, with the terminal's own sixteen, with 256. Without colours it is still told apart. */
const SGR: Readonly<Record<Style, readonly [none: string, few: string, many: string]>> = {
  bold: ['1', '1', '1'],
  dim: ['2', '2', '38;5;245'],
  bar: ['', '34', '38;5;75'],
  idle: ['', '2', '38;5;245'],
  nobody: ['', '35', '38;5;176'],
  warning: ['1', '33', '38;5;214'],
  badge: ['7', '7', '7'],
  cursor: ['7', '7', '7'],
  heat0: ['', '2', '38;5;240'],
  heat1: ['', '33', '38;5;94'],
  heat2: ['', '33', '38;5;130'],
  heat3: ['', '33', '38;5;172'],
  heat4: ['1', '1;33', '38;5;208'],
  heat5: ['1', '1;33', '38;5;214'],
};

/** Begins and ends an update that the terminal shows at once, where it knows how to. */
const BEGIN = '\x1b[?2026h';
const END = '\x1b[?2026l';

/** Writes the lines that have changed. A quiet screen costs nothing. */
export class Painter {
  readonly #depth: ColourDepth;
  #shown: readonly string[] = [];

  constructor(depth: ColourDepth) {
    this.#depth = depth;
  }

  /** What brings the screen from what it shows to these lines. */
  paint(lines: readonly Line[]): string {
    const texts = lines.map((line) => sequence(line, this.#depth));
    const changes = texts.flatMap((text, i) => {
      // It is erased before: to erase after a full line would take its last cell.
      return text === this.#shown[i] ? [] : [`\x1b[${i + 1};1H\x1b[2K${text}`];
    });
    this.#shown = texts;
    return changes.length === 0 ? '' : `${BEGIN}${changes.join('')}${END}`;
  }

  /** Something else has written on the screen, or it has another size: all is painted the next time. */
  forget(): string {
    this.#shown = [];
    return '\x1b[0m\x1b[2J';
  }
}

/** A line as the terminal takes it. */
function sequence(line: Line, depth: ColourDepth): string {
  let column = 0;
  let isSure = true;
  return line
    .map((piece) => {
      // What a terminal takes for wider or narrower than we do displaces nothing that comes after it.
      const place = isSure ? '' : `\x1b[${column + 1}G`;
      const { text } = piece;
      column += widthOf(text);
      isSure = /^[\x20-\x7e\u2580-\u259f]*$/.test(text);
      return place + styled(piece, depth);
    })
    .join('');
}

function styled({ text, style }: Piece, depth: ColourDepth): string {
  const parameters = style && SGR[style][depth >= 8 ? 2 : depth >= 4 ? 1 : 0];
  return parameters && text.trim() !== '' ? `\x1b[${parameters}m${text}\x1b[0m` : text;
}
