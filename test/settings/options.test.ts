// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../../src/model/errors.ts';
import { parseOptions, questionsIn, splitVerb } from '../../src/settings/options.ts';
import type { Verb } from '../../src/settings/verbs.ts';

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
      operands: [],
    });
  });

  it('that are not given are not there', () => {
    expect(parseOptions('agent', [])).toEqual({ meter: {}, own: {}, operands: [] });
  });

  it('that need another one are taken with it, and by verbs that do without', () => {
    expect(parseOptions('top', ['--socket-dir', '/s', '--attach']).own).toEqual({
      attach: true,
      socketDirectory: '/s',
    });
    expect(parseOptions('stat', ['--attach', '--root', '/host']).meter).toEqual({ root: '/host' });
    expect(parseOptions('agent', ['--container-root', '/d']).meter).toEqual({ containerRoots: ['/d'] });
    expect(parseOptions('agent', ['--socket-dir', '/s']).own).toEqual({ socketDirectory: '/s' });
    expect(parseOptions('report', ['--from', '12:00', 'FILE']).own).toEqual({ from: '12:00' });
  });

  it('of stat may be several numbers of processes', () => {
    expect(parseOptions('stat', ['-p', '12,7', '--pid=9']).own).toEqual({ pids: [12, 7, 9] });
  });

  it.each<[Verb, string[], string]>([
    [
      'stat',
      ['--pid', '1,x'],
      '--pid must be process ids with commas between them, and "1,x" is none of that',
    ],
    [
      'top',
      ['--socket-dir', '/run/other'],
      '--socket-dir means nothing to top without --attach: give both, or leave it out',
    ],
    [
      'stat',
      ['--socket-dir=/run/other', '--', 'true'],
      '--socket-dir means nothing to stat without --attach: give both, or leave it out',
    ],
    [
      'record',
      ['--container-root', '/data'],
      '--container-root means nothing to record without --names: give both, or leave it out',
    ],
    ['top', ['--to', '12:00'], '--to means nothing to top without --replay: give both, or leave it out'],
    ['top', ['--attach', '--replay', 'x'], '--replay shows what was recorded: leave out --attach'],
    ['top', ['--replay', 'x', '-s', 'power'], '--replay shows what was recorded: leave out -s'],
    ['top', ['--replay', 'x', '--names'], '--replay shows what was recorded: leave out --names'],
    ['top', ['-d2', '--attach'], '--attach shows what the agent measures: leave out -d'],
    [
      'stat',
      ['--attach', '--watts-idle=1'],
      '--attach shows what the agent measures: leave out --watts-idle',
    ],
    ['top', ['--json', '--plain'], '--plain prints tables for people: leave out --json'],
    ['stat', ['-p', '0'], '--pid must be process ids with commas between them, and 0 is none of that'],
    ['stat', ['-r', '0', 'make'], '--repeat must be an integer from 1 to 1000, not "0"'],
    ['stat', ['--fail-if-more=-1'], '--fail-if-more must be a number of percent from 0 to 10000, not "-1"'],
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
    [
      'top',
      ['--by', 'crore'],
      '--by must be one of process, cgroup, container, core, not "crore": did you mean core?',
    ],
    [
      'stat',
      ['--include', 'x'],
      'stat has no option --include (agent and top and record have): see joules stat --help',
    ],
    ['doctor', ['--config', 'x'], 'doctor has no option --config (agent has): see joules doctor --help'],
    ['stat', ['--max-tasks', '5'], 'stat has no option --max-tasks: see joules stat --help'],
    ['top', ['--soruce', 'x'], 'top has no option --soruce: did you mean --source?'],
    ['top', ['--hlep'], 'top has no option --hlep: did you mean --help?'],
    ['top', ['-q'], 'top has no option -q: see joules top --help'],
    ['top', ['--json=yes'], '--json takes no value: leave out "yes"'],
    ['top', ['--count'], '--count needs a value: --count N, an integer from 1 to 1000000000'],
    ['top', ['-n', '--json'], '-n needs a value: -n N, an integer from 1 to 1000000000'],
    ['top', ['--source='], '--source must be the name of a source, not ""'],
    ['top', ['now'], 'top: unexpected argument "now"; see joules top --help'],
    ['top', ['-j', '--', '-j'], 'top: unexpected argument "-j"; see joules top --help'],
  ])('of %s cannot be %j', (verb, args, message) => {
    const parse = (): unknown => parseOptions(verb, args);
    expect(parse).toThrow(EnergyError);
    expect(parse).toThrow(expect.objectContaining({ message, code: 'EUSAGE', exitCode: 2 }));
  });
});

describe('the letters of options', () => {
  it('stand for them, alone, with a value in the same word, and several in one', () => {
    expect(parseOptions('top', ['-j', '-n5', '-d', '2', '-b', 'core', '-i', 'a', '-ib'])).toEqual({
      meter: { interval: 2, include: ['a', 'b'] },
      own: { json: true, count: 5, by: 'core' },
      operands: [],
    });
    expect(parseOptions('top', ['-jn', '3']).own).toEqual({ json: true, count: 3 });
  });

  it('have the last value where they are given again', () => {
    expect(parseOptions('top', ['-n', '5', '--count=2']).own).toEqual({ count: 2 });
  });
});

describe('a command to measure', () => {
  it.each<[string[], string[]]>([
    [
      ['make', '-j2', '--json'],
      ['make', '-j2', '--json'],
    ],
    [
      ['--', '-odd', '--help'],
      ['-odd', '--help'],
    ],
    [
      ['make', '--', 'x'],
      ['make', '--', 'x'],
    ],
    [['--'], []],
    [[], []],
  ])('of %j is %j, with what stands after it', (args, operands) => {
    expect(parseOptions('stat', ['-o', 'x.json', ...args])).toEqual({
      meter: {},
      own: { output: 'x.json' },
      operands,
    });
    expect([...questionsIn('stat', args)]).toEqual([]);
  });
});

describe('the verb', () => {
  it.each<[string[], string | undefined, string[]]>([
    [['--source', 'power', 'top', '--json'], 'top', ['--source', 'power', '--json']],
    [['-s', 'top', '-j', 'doctor'], 'doctor', ['-s', 'top', '-j']],
    [['stat', 'top', '--soruce'], 'stat', ['top', '--soruce']],
    [['--json', '--help'], undefined, ['--json', '--help']],
    [[], undefined, []],
  ])('is found in %j', (argv, verb, args) => {
    expect(splitVerb(argv)).toEqual({ verb, args });
  });

  it('does not follow an option that there is not', () => {
    expect(() => splitVerb(['--soruce', 'power', 'top'])).toThrow(
      'no verb has an option --soruce: did you mean --source?',
    );
  });
});
