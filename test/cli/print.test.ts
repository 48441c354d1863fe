// SPDX-License-Identifier: Apache-2.0
import { figure, jsonLine, printable } from '../../src/cli/print.ts';

/** Every character that moves a cursor, ends a line or turns the direction of what follows. */
const ATTACKS = [
  ...Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code)),
  ...Array.from({ length: 0x21 }, (_, i) => String.fromCharCode(0x7f + i)),
  ...Array.from('\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029'),
];
const HARMLESS = 'nginx: worker "é" \\ 漢字 🦀';

describe('names that attack', () => {
  it.each(
    ATTACKS.map((character) => [`U+${character.charCodeAt(0).toString(16).padStart(4, '0')}`, character]),
  )('%s reaches no terminal, and JSON only escaped', (_, character) => {
    const name = `a${character}b`;
    expect(printable(name)).toMatch(/^a\\u[0-9a-f]{4}b$/);
    const line = jsonLine({ name });
    expect(line.slice(0, -1)).toMatch(/^[ -~]+$/);
    expect(line).toMatch(/}\n$/);
    expect(JSON.parse(line)).toEqual({ name });
  });

  it('are all there is to escape: other names stay as they are', () => {
    expect(printable(HARMLESS)).toBe(HARMLESS);
    expect(jsonLine(HARMLESS)).toBe(`${JSON.stringify(HARMLESS)}\n`);
  });

  it('half a surrogate pair included, which no UTF-8 has', () => {
    expect(jsonLine('\ud83d')).toBe('"\\ud83d"\n');
  });
});

describe('a figure', () => {
  it.each([
    [1.23456, 4, undefined, '1.2346'],
    [0, 4, undefined, '0.0000'],
    [1.23456, 4, 1, '1'],
    [0.01678, 4, 2, '0.017'],
    [1234.5, 2, 1, '1000'],
    [100, 0, 1, '100'],
    [0.00001, 4, 1, '0'],
    [0, 4, 1, '0'],
  ])('%d with %d decimals, of which %s digits mean anything, is %s', (value, decimals, digits, text) => {
    expect(figure(value, decimals, digits)).toBe(text);
  });
});
