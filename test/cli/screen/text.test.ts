// SPDX-License-Identifier: Apache-2.0
import { assert, boolean, integer, property, string } from 'fast-check';
import { clean, fit, fitMiddle, fitRight, widthOf } from '../../../src/cli/screen/text.ts';

const anything = string({ unit: 'binary', maxLength: 60 });

describe('a name on the screen', () => {
  it('has no character that steers a terminal, whatever is in it', () => {
    assert(
      property(anything, boolean(), (name, isAscii) => {
        const shown = clean(name, isAscii);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        if (isAscii) expect(shown).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
    expect(clean('a\x1b[2Jb\n\u202ec', false)).toBe('a\\u001b[2Jb\\u000a\\u202ec');
  });

  it('is of shapes whose width terminals agree about', () => {
    // A family is joined of four people, and a heart is made an emoji by what follows it.
    expect(clean('👨‍👩‍👧‍👦', false)).toBe('👨👩👧👦');
    expect(clean('❤️', false)).toBe('❤');
    expect(widthOf(clean(`Z${'\u0300'.repeat(40)}`, false))).toBe(1);
    expect(clean(`Z${'\u0300'.repeat(40)}`, false).length).toBeLessThan(6);
  });

  it('has the width that terminals give it', () => {
    expect(['abc', '日本', 'é', 'e\u0301', '한', '😀', 'ﾊﾝｶｸ', ''].map(widthOf)).toEqual([
      3, 4, 1, 1, 2, 2, 4, 0,
    ]);
  });

  it('takes exactly as many cells as it has, however it is cut', () => {
    assert(
      property(anything, integer({ min: 1, max: 60 }), (name, cells) => {
        const shown = clean(name, false);
        for (const cut of [fit(shown, cells, '…'), fitMiddle(shown, cells, '…'), fitRight(shown, cells, '…')])
          expect(widthOf(cut)).toBe(cells);
      }),
    );
  });

  it('keeps both ends where it is long', () => {
    expect(fitMiddle('/kubepods/burstable/pod6f1c2a30/4b5e57f6eb2f', 20, '…')).toBe(
      '/kubepods…57f6eb2f  '.slice(0, 9) + '…' + '4b5e57f6eb2f'.slice(-10),
    );
    expect(fitMiddle('日本語日本語日本語', 10, '…')).toMatch(/^日本….*本語 *$/u);
    expect(fitMiddle('short', 20, '…')).toBe('short'.padEnd(20));
  });
});
