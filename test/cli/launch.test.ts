// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { chmodSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { JOULES, nodeFlags } from '../support/joules.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('bin/joules', () => {
  const directory = temporaryDirectory();
  beforeAll(() => {
    const node = join(directory, 'node');
    writeFileSync(node, `#!/bin/sh\nprintf '%s\\n' "$@"\n`);
    chmodSync(node, 0o755);
  });

  /** What Node is given, as a shell finds the first one in its path. */
  function given(path: string, ...args: string[]): string[] {
    const env = { PATH: `${directory}:${process.env['PATH']}`, flags: '--not-ours' };
    return execFileSync(path, args, { encoding: 'utf8', env }).split('\n').slice(0, -1);
  }

  it.each(['agent', 'top', 'record'])('keeps the heap of Node small for %s, which runs on', (verb) => {
    expect(nodeFlags()).toHaveLength(3);
    expect(given(JOULES, verb, '--json')).toEqual([...nodeFlags(), JOULES, verb, '--json']);
  });

  it('gives Node no flags for what runs for a moment: with any it does not take what it has compiled', () => {
    expect(given(JOULES, 'stat', '--', 'a b', '', '*')).toEqual([JOULES, 'stat', '--', 'a b', '', '*']);
    expect(given(JOULES)).toEqual([JOULES]);
  });

  it('is where scripts of npm find it in a clone', () => {
    expect(realpathSync(join(__dirname, '../../node_modules/.bin/joules'))).toBe(JOULES);
  });

  it('runs by a link, as npm installs it', () => {
    const link = join(directory, 'link');
    symlinkSync(JOULES, link);
    expect(given(link, '--version')).toEqual([link, '--version']);
    expect(execFileSync(link, ['--version'], { encoding: 'utf8' })).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
