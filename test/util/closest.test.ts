// SPDX-License-Identifier: Apache-2.0
import { closest } from '../../src/util/closest.ts';

const WORDS = ['agent', 'top', 'stat', 'verify', 'page', 'doctor', '--source'];

describe('the word that was probably meant', () => {
  it.each([
    ['tpo', 'top'],
    ['tops', 'top'],
    ['Stat', 'stat'],
    ['start', 'stat'],
    ['dotcor', 'doctor'],
    ['vreifi', 'verify'],
    ['--soruce', '--source'],
  ])('%s is %s', (given, word) => {
    expect(closest(given, WORDS)).toBe(word);
  });

  it.each(['', 'foo', 'x', 'make', 'dctroo', '--sauces', 'a'.repeat(1e5)])('%s is none', (given) => {
    expect(closest(given, WORDS)).toBeUndefined();
  });
});
