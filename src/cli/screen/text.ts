// SPDX-License-Identifier: Apache-2.0
import { eastAsianWidth } from 'get-east-asian-width';
import { printable } from '../../util/printable.ts';

/** What takes no cell of its own: marks, and what only tells how others are drawn. */
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff]$/u;
/** Selects or joins shapes: terminals disagree about how wide the result is, and agree without it. */
const SHAPING = /[\p{Cf}\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;
/** More marks than any script has on a letter reach into the lines around it. */
const PILED = /(\p{M}{3})\p{M}+/gu;
const ASCII = /^[\x20-\x7e]*$/;

/** A name of somebody else's, as it may be shown: nothing in it steers the terminal or is wider than it says. */
export function clean(name: string, isAscii: boolean): string {
  if (ASCII.test(name)) return name;
  const shown = printable(name)
    .replaceAll(SHAPING, '')
    .replaceAll(PILED, '$1')
    .replaceAll(/\p{Cs}/gu, '\ufffd');
  return isAscii
    ? Array.from(shown, (character) => (ASCII.test(character) ? character : '?')).join('')
    : shown;
}

/** Cells that a text takes, counted as terminals do: by code point. */
export function widthOf(text: string): number {
  if (ASCII.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

/** The text in exactly so many cells: cut at its end, or filled with spaces. */
export function fit(text: string, cells: number, ellipsis: string): string {
  const width = widthOf(text);
  if (width <= cells) return text + ' '.repeat(cells - width);
  if (cells <= 0) return '';
  const room = cells - widthOf(ellipsis);
  const begin = beginOf(text, room);
  return begin + ellipsis + ' '.repeat(room - widthOf(begin));
}

/** As `fit`, but cut in its middle: of long names both ends matter, what it is in and which one it is. */
export function fitMiddle(text: string, cells: number, ellipsis: string): string {
  if (widthOf(text) <= cells || cells < 8) return fit(text, cells, ellipsis);
  const begin = beginOf(text, Math.floor((cells - 1) / 2));
  const end = endOf(text, cells - 1 - widthOf(begin));
  return fit(begin + ellipsis + end, cells, ellipsis);
}

/** At the right end of so many cells. */
export function fitRight(text: string, cells: number, ellipsis: string): string {
  const width = widthOf(text);
  return width <= cells ? ' '.repeat(cells - width) + text : fit(text, cells, ellipsis);
}

function beginOf(text: string, cells: number): string {
  let width = 0;
  let begin = '';
  for (const character of text) {
    width += cellsOf(character);
    if (width > cells) break;
    begin += character;
  }
  return begin;
}

function endOf(text: string, cells: number): string {
  const characters = Array.from(text);
  let width = 0;
  let at = characters.length;
  while (at > 0 && width + cellsOf(characters[at - 1]!) <= cells) width += cellsOf(characters[--at]!);
  // A mark belongs to the letter before it, which is gone.
  while (at < characters.length && cellsOf(characters[at]!) === 0) at++;
  return characters.slice(at).join('');
}

function cellsOf(character: string): number {
  if (ASCII.test(character)) return 1;
  return ZERO_WIDTH.test(character) ? 0 : eastAsianWidth(character.codePointAt(0)!);
}
