// SPDX-License-Identifier: Apache-2.0
import { statRequest } from '../../src/cli/stat-request.ts';
import { EnergyError } from '../../src/model/errors.ts';
import type { CommandOptions } from '../../src/settings/types.ts';

describe('what joules stat is asked for', () => {
  it('is one run, or several after one to warm up', () => {
    expect(statRequest({}, ['make', 'x'])).toEqual({ does: 'run', command: ['make', 'x'] });
    expect(statRequest({ repeat: 5 }, ['a'])).toEqual({
      does: 'repeat',
      command: ['a'],
      times: 5,
      warmUp: 1,
    });
    expect(statRequest({ repeat: 5, warmUp: 0 }, ['a'])).toMatchObject({ warmUp: 0 });
  });

  it('is two commands with -- between them, or --vs where they have that themselves', () => {
    const words = (...all: string[]): unknown => statRequest({ compare: true }, all);
    const both = { does: 'compare', times: 10, warmUp: 1 };
    expect(words('a', '-x', '--', 'b')).toMatchObject({ ...both, commands: [['a', '-x'], ['b']] });
    expect(words('git', 'log', '--', 'f', '--vs', 'git', 'log', '--', 'g')).toMatchObject({
      ...both,
      commands: [
        ['git', 'log', '--', 'f'],
        ['git', 'log', '--', 'g'],
      ],
    });
  });

  it('is what runs already', () => {
    expect(statRequest({ pids: [1, 2], timeout: 3 }, [])).toEqual({
      does: 'attach',
      to: { pids: [1, 2] },
      timeout: 3,
    });
    expect(statRequest({ cgroup: '/x' }, [])).toMatchObject({ to: { cgroup: '/x' }, timeout: undefined });
  });

  it.each<[string, CommandOptions, string[], string]>([
    [
      'nothing',
      {},
      [],
      'stat needs a command, joules stat COMMAND…, or what runs already, by -p, --cgroup or --container',
    ],
    ['an empty word', {}, [''], 'stat needs a command'],
    ['one command of two', { compare: true }, ['a'], '--compare needs two commands'],
    ['an empty second', { compare: true }, ['a', '--'], '--compare needs two commands'],
    ['three commands', { compare: true }, ['a', '--', 'b', '--', 'c'], 'there are 2 --: put --vs between'],
    ['three with --vs', { compare: true }, ['a', '--vs', 'b', '--vs', 'c'], 'there are 2 --vs between'],
    ['too few pairs', { compare: true, repeat: 5 }, ['a', '--', 'b'], 'needs 6 pairs of runs or more'],
    ['a limit of nothing', { failIfMore: 5 }, ['a'], '--fail-if-more needs --compare'],
    ['a warm-up of one run', { warmUp: 1 }, ['a'], '--warm-up is for a command that is run several times'],
    [
      'a time for a command',
      { timeout: 5 },
      ['a'],
      '--timeout is for what runs already: for a command use timeout(1)',
    ],
    ['a command and a process', { pids: [1] }, ['a', 'b'], '--pid measures what runs already: leave out a b'],
    ['two targets', { pids: [1], cgroup: '/' }, [], '--pid and --cgroup are given: one at a time'],
    [
      'a target again and again',
      { container: 'x', repeat: 3 },
      [],
      '--repeat is for commands, and --container',
    ],
  ])('cannot be %s', (_, own, words, message) => {
    const ask = (): unknown => statRequest(own, words);
    expect(ask).toThrow(EnergyError);
    expect(ask).toThrow(expect.objectContaining({ exitCode: 2, message: expect.stringContaining(message) }));
  });
});
