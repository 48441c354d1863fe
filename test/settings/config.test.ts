// SPDX-License-Identifier: Apache-2.0
import { EnergyError } from '../../src/model/errors.ts';
import { parseConfig } from '../../src/settings/config.ts';

describe('the configuration file of the agent', () => {
  it('holds what the library calls by other names', () => {
    const text = `
      source: power
      interval: 2
      root: /host
      watts_idle: 1
      watts_busy: 2.5
      include: &some [nginx, '/system.slice/*']
      exclude: *some
      names: true
      max_tasks: 3
      kubelet: {url: 'https://node:10250', token_file: /t, ca_file: /c}
      limits: {processes: 0, containers: 3}`;
    expect(parseConfig('a.yaml', text)).toEqual({
      source: 'power',
      interval: 2,
      root: '/host',
      wattsIdle: 1,
      wattsBusy: 2.5,
      include: ['nginx', '/system.slice/*'],
      exclude: ['nginx', '/system.slice/*'],
      names: true,
      maxTasks: 3,
      kubelet: { url: 'https://node:10250', tokenFile: '/t', caFile: '/c' },
      limits: { processes: 0, containers: 3 },
    });
  });

  it.each(['', '# nothing', '{}', '---\n', 'null'])('may be empty: %j', (text) => {
    expect(parseConfig('a.yaml', text)).toEqual({});
  });

  it('may be JSON', () => {
    expect(parseConfig('a.json', '{"limits": {"cgroups": 10}}')).toEqual({ limits: { cgroups: 10 } });
  });

  it.each([
    ['source: [', 'a.yaml:1: this is not YAML that can be read: Flow sequence in block collection must be'],
    ['source: !color red', /^a.yaml:1: this is not YAML that can be read: Unresolved tag: !color$/],
    [
      'source: *x',
      'a.yaml: this is not YAML that can be read: Unresolved alias (the anchor must be set before',
    ],
    ['names: true\nnames: false', 'a.yaml:2: this is not YAML that can be read: Map keys must be unique'],
    ['a: 1\n---\nb: 1', 'a.yaml:2: this is not YAML that can be read: Source contains multiple documents'],
    ['- a', 'a.yaml must be a mapping such as "source: power_core"'],
    ['power_core', 'a.yaml must be a mapping such as "source: power_core"'],
    [
      '\ncolour: blue',
      'a.yaml:2: unknown key colour: use source, attribution, interval, watts_idle, watts_busy, include,',
    ],
    ['constructor: 1', 'a.yaml:1: unknown key constructor: use source'],
    ['__proto__: {source: x}', 'a.yaml:1: unknown key __proto__: use source'],
    ['wattsIdle: 1', 'a.yaml:1: unknown key wattsIdle: did you mean watts_idle?'],
    ['followForks: true', 'a.yaml:1: unknown key followForks: use source'],
    ['"a\\nb": 1', 'a.yaml:1: unknown key "a\\nb": use source'],
    ['[a]: 1', 'a.yaml: unknown key "[ a ]": use source'],
    [
      'names: true\ninterval: soon',
      'a.yaml:2: key interval must be a number of seconds from 0.001 to 2147483, not "soon"',
    ],
    ['interval:', 'a.yaml:1: key interval must be a number of seconds from 0.001 to 2147483, not null'],
    [
      'interval: .inf',
      'a.yaml:1: key interval must be a number of seconds from 0.001 to 2147483, not Infinity',
    ],
    ['watts_idle: .nan', 'a.yaml:1: key watts_idle must be a number of watts from 0 to 10000, not NaN'],
    ['max_tasks: 1e12', 'a.yaml:1: key max_tasks must be an integer from 3 to 4000000, not 1000000000000'],
    ['names: docker', 'a.yaml:1: key names must be true or false, not "docker"'],
    ['include: nginx', 'a.yaml:1: key include must be a list of patterns, not "nginx"'],
    ['include:\n- a\n- 5', 'a.yaml:1: key include must be a list of patterns, and 5 is none of that'],
    ['root: "a\\0b"', 'a.yaml:1: key root must be a directory, not "a\\u0000b"'],
    [
      'limits: 5',
      'a.yaml:1: key limits must be a mapping with processes, executables, cgroups, containers, not 5',
    ],
    ['limits: [5]', 'a.yaml:1: key limits must be a mapping with processes'],
    [
      'limits:\n  pods: 5',
      'a.yaml:2: unknown key limits.pods: use processes, executables, cgroups, containers',
    ],
    [
      'limits: {processes: -1}',
      'a.yaml:1: key limits.processes must be an integer from 0 to 1000000, not -1',
    ],
    [
      'limits: {processes: 1.5}',
      'a.yaml:1: key limits.processes must be an integer from 0 to 1000000, not 1.5',
    ],
    ['limits: {cgroups: 2}', 'a.yaml:1: key limits.cgroups must be an integer from 3 to 1000000, not 2'],
    ['kubelet: {token_file: /t}', 'a.yaml:1: key kubelet.url is missing: give an http:// or https:// URL'],
    ['kubelet: {url: "https://n", ca: /c}', 'a.yaml:1: unknown key kubelet.ca: use url, token_file, ca_file'],
    ['kubelet: {url: node}', 'a.yaml:1: key kubelet.url must be an http:// or https:// URL, not "node"'],
    [
      'kubelet: {url: "ftp://me:secret@node/?key=secret"}',
      'a.yaml:1: key kubelet.url must be an http:// or https:// URL, not "ftp://node/"',
    ],
    [
      'kubelet: {url: "http://node:10255", token_file: /t}',
      'a.yaml: key kubelet.token_file needs an https:// URL in kubelet.url: the token would be sent in the clear',
    ],
  ])('cannot be %j', (text, words) => {
    const parse = (): unknown => parseConfig('a.yaml', text);
    expect(parse).toThrow(EnergyError);
    expect(parse).toThrow(expect.objectContaining({ code: 'EUSAGE', exitCode: 2 }));
    expect(parse).toThrow(words);
    expect(parse).not.toThrow('\n');
  });

  it('that would fill the memory by aliases is refused', () => {
    const levels = Array.from({ length: 12 }, (_, i) => {
      const ten = Array.from({ length: 10 }, () => `*x${i}`);
      return `x${i + 1}: &x${i + 1} [${ten.join(', ')}]`;
    });
    const bomb = ['x0: &x0 [a]', ...levels].join('\n');
    expect(() => parseConfig('a.yaml', bomb)).toThrow(
      expect.objectContaining({ code: 'EUSAGE', message: expect.stringContaining('alias') }),
    );
  });
});
