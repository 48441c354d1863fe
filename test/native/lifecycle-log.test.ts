// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { LIFECYCLE } from '../../src/probe/columns.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ROOT = join(__dirname, '../..');
const { fork, exec, exit } = LIFECYCLE;
let program: string;

beforeAll(() => {
  program = join(temporaryDirectory(), 'lifecycle_log');
  const options = ['-O2', '-std=c++17', '-Wall', '-Wextra', '-Inative', '-Ibpf'];
  execFileSync(
    'g++',
    [...options, 'test/native/lifecycle_log.cc', 'native/lifecycle_log.cc', '-o', program],
    {
      cwd: ROOT,
    },
  );
});

/** What is printed of two CPUs whose logs have eight slots. */
function play(...lines: readonly string[]): unknown[] {
  const output = execFileSync(program, { input: `${lines.join('\n')}\n`, encoding: 'utf8' });
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
}

describe('the logs of what becomes of processes', () => {
  it('are read in the order of what happened, whichever CPU it was on', () => {
    const taken = play(
      `write 1 ${exec} 7 300 second`,
      `write 1 ${exit} 7 400`,
      `write 0 ${fork} 7 100`,
      `write 0 ${exec} 7 200 first`,
      'consume',
      'take',
    );
    expect(taken).toEqual([
      [
        [fork, 7, ''],
        [exec, 7, 'first'],
        [exec, 7, 'second'],
        [exit, 7, ''],
      ],
    ]);
  });

  it('keep the order of each CPU, whose clock may stand still and be behind', () => {
    const taken = play(
      `write 0 ${exec} 1 200 a`,
      `write 0 ${exec} 1 150 b`,
      'consume',
      `write 0 ${exit} 1 150`,
      `write 1 ${exit} 2 199`,
      'consume',
      'take',
    );
    expect(taken).toEqual([
      [
        [exit, 2, ''],
        [exec, 1, 'a'],
        [exec, 1, 'b'],
        [exit, 1, ''],
      ],
    ]);
  });

  it('go round, an event of two slots over the end as well, and give their room back', () => {
    const rounds = Array.from({ length: 20 }, (_, i) => [
      `write 0 ${exec} ${i} ${i} name-${i}`,
      `write 0 ${exit} ${i} ${i}`,
      'consume',
    ]);
    const expected = rounds.flatMap((_, i) => [
      [exec, i, `name-${i}`],
      [exit, i, ''],
    ]);
    expect(play(...rounds.flat(), 'take', 'take')).toEqual([expected, []]);
  });

  it('leave what is still being written, and all behind it on that CPU, for the next time', () => {
    const taken = play(
      `write 0 ${exit} 1 1`,
      'begin 0',
      `write 0 ${exit} 2 2`,
      `write 1 ${exit} 3 3`,
      'consume',
      'take',
    );
    expect(taken).toEqual([
      [
        [exit, 1, ''],
        [exit, 3, ''],
      ],
    ]);
  });

  it('have a program whose name was cut off without it', () => {
    const name = 'x'.repeat(58);
    expect(play(`write 0 ${exec} 1 1 ${name}`, `write 0 ${exec} 2 2 ${name}x`, 'consume', 'take')).toEqual([
      [
        [exec, 1, name],
        [exec, 2, ''],
      ],
    ]);
  });
});
