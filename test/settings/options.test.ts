// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../../src/model/errors.ts';
import { parseOptions } from '../../src/settings/options.ts';
import type { Verb } from '../../src/settings/types.ts';

describe('the options of a verb', () => {
  it('are all read, each in its type', () => {
    const args = ['--source', 'power', '--interval', ' 2.5e-1', '--watts-idle=0', '--watts-busy', '9'];
    const filters = ['--include', 'a,b', '--include', '/c', '--exclude', 'd', '--names', '--root', '/host'];
    const own = ['--by', 'cgroup', '--limit', '3', '--count', '1000000000', '--json'];
    expect(parseOptions('top', [...args, ...filters, ...own])).toEqual({
      meter: {
        source: 'power',
        interval: 0.25,
        wattsIdle: 0,
        wattsBusy: 9,
        include: ['a,b', '/c'],
        exclude: ['d'],
        names: true,
        root: '/host',
      },
      own: { by: 'cgroup', limit: 3, count: 1e9, json: true },
    });
  });

  it('that are not given are not there', () => {
    expect(parseOptions('agent', [])).toEqual({ meter: {}, own: {} });
  });

  it.each<[Verb, string[], string]>([
    ['top', ['--interval', ''], '--interval must be a number of seconds from 0.001 to 2147483, not ""'],
    [
      'top',
      ['--interval', '0x10'],
      '--interval must be a number of seconds from 0.001 to 2147483, not "0x10"',
    ],
    [
      'top',
      ['--interval', '2147484'],
      '--interval must be a number of seconds from 0.001 to 2147483, not "2147484"',
    ],
    [
      'top',
      ['--interval', '0.0009'],
      '--interval must be a number of seconds from 0.001 to 2147483, not "0.0009"',
    ],
    ['top', ['--watts-idle', '1e300'], '--watts-idle must be a number of watts from 0 to 10000, not "1e300"'],
    ['top', ['--watts-busy=-1'], '--watts-busy must be a number of watts from 0 to 10000, not "-1"'],
    ['top', ['--count', '1.5'], '--count must be an integer from 1 to 1000000000, not "1.5"'],
    ['top', ['--limit', '0'], '--limit must be an integer from 1 to 1000000, not "0"'],
    ['top', ['--by', 'user'], '--by must be one of process, cgroup, container, core, not "user"'],
    ['top', ['--root', ''], '--root must be a directory, not ""'],
    [
      'agent',
      ['--include', 'x', '--include', ''],
      '--include must be a list of patterns, and "" is none of that',
    ],
    ['stat', ['--include', 'x'], "stat: Unknown option '--include'; see joules --help"],
    ['doctor', ['--config', 'x'], "doctor: Unknown option '--config'; see joules --help"],
    ['stat', ['--max-tasks', '5'], "stat: Unknown option '--max-tasks'; see joules --help"],
    ['top', ['--json=yes'], "top: Option '--json' does not take an argument; see joules --help"],
  ])('of %s cannot be %j', (verb, args, message) => {
    const parse = (): unknown => parseOptions(verb, args);
    expect(parse).toThrow(EnergyError);
    expect(parse).toThrow(expect.objectContaining({ message, code: 'EUSAGE', exitCode: 2 }));
  });
});
