// SPDX-License-Identifier: Apache-2.0
import { printable, replaceUnprintable } from '../../src/util/printable.ts';

describe('text from others', () => {
  it.each([
    ['an escape', 'a\u001b[31mb', 'a\\u001b[31mb'],
    ['ends of lines', 'a\r\n\u2028\u2029b', 'a\\u000d\\u000a\\u2028\\u2029b'],
    ['changes of direction', 'a\u202eb\u2066', 'a\\u202eb\\u2066'],
    ['C1 controls', 'a\u0085\u009bb', 'a\\u0085\\u009bb'],
    ['all else as it is', 'nginx: "é" \\ 漢字 🦀', 'nginx: "é" \\ 漢字 🦀'],
  ])('has %s made visible', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it('has them replaced as the format wants it', () => {
    expect(replaceUnprintable('a\nb\u0007', (character) => (character === '\n' ? '\n' : '?'))).toBe('a\nb?');
  });
});
