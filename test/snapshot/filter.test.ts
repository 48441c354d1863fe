// SPDX-License-Identifier: Apache-2.0
import { createFilter, matches } from '../../src/snapshot/filter.ts';

describe('a pattern', () => {
  it.each([
    ['nginx', 'nginx', true],
    ['nginx', 'nginx-debug', false],
    ['nginx*', 'nginx', true],
    ['*.service', 'a.service', true],
    ['*.service', 'a.service/b', false],
    ['/user.slice*', '/user.slice/user-0.slice/session-1.scope', true],
    ['/*/docker-*.scope', '/system.slice/docker-1f.scope', true],
    ['*ab*ab', 'abab', true],
    ['*ab*ab', 'aab', false],
    ['k?orker/*', 'kworker/0:1', true],
    ['k?orker', 'korker', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['a**c', 'abbc', true],
    ['a.c', 'abc', false],
    ['[a]', '[a]', true],
  ])('%j and %j: %j', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });

  it('agrees with a regular expression on all short patterns and texts', () => {
    const words = (alphabet: string, length: number): string[] =>
      length === 0
        ? ['']
        : words(alphabet, length - 1).flatMap((word) => [
            word,
            ...alphabet.split('').map((letter) => word + letter),
          ]);
    const texts = [...new Set(words('ab', 5))];
    for (const pattern of new Set(words('ab*?', 4))) {
      const regex = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`);
      for (const text of texts)
        expect([pattern, text, matches(pattern, text)]).toEqual([pattern, text, regex.test(text)]);
    }
  });

  it('is not made slow by a name', () => {
    // A backtracking matcher would need about 10^40 steps.
    expect(matches(`${'*a'.repeat(40)}b`, 'a'.repeat(4000))).toBe(false);
  });
});

describe('a filter', () => {
  it('shows everything without patterns', () => {
    const filter = createFilter({});
    expect([filter.process('sh', '/a'), filter.cgroup('/a')]).toEqual([true, true]);
  });

  it('takes patterns with a leading slash for cgroups and the processes in them', () => {
    const filter = createFilter({ include: ['/pods/*'], exclude: ['/pods/system*'] });
    expect(filter.cgroup('/pods/a')).toBe(true);
    expect(filter.cgroup('/pods/system/b')).toBe(false);
    expect(filter.cgroup('/user')).toBe(false);
    expect(filter.process('sh', '/pods/a')).toBe(true);
    expect(filter.process('sh', '/pods/system/b')).toBe(false);
    expect(filter.process('sh', '/user')).toBe(false);
  });

  it('takes other patterns for executables, which say nothing about cgroups', () => {
    const filter = createFilter({ include: ['nginx', '/db'], exclude: ['*-debug'] });
    expect(filter.process('nginx', '/web')).toBe(true);
    expect(filter.process('sh', '/db')).toBe(true);
    expect(filter.process('sh', '/web')).toBe(false);
    expect(filter.process('nginx-debug', '/db')).toBe(false);
    expect(createFilter({ exclude: ['sh'] }).cgroup('/web')).toBe(true);
  });
});
