// SPDX-License-Identifier: Apache-2.0
import { EnergyError, EnergyMetricProducer, openMeter } from '../../src/index.ts';
import { checkMeterOptions, checkRecorderOptions } from '../../src/settings/library.ts';

/** Options that no compiler would let through. */
const WRONG: readonly (readonly [unknown, string])[] = [
  [null, "options must be an object such as {source: 'auto'}, not null"],
  [[], "options must be an object such as {source: 'auto'}, not []"],
  ['auto', 'options must be an object such as {source: \'auto\'}, not "auto"'],
  [{ maxTasks: 0 }, 'option maxTasks must be an integer from 3 to 4000000, not 0'],
  [{ maxTasks: 'x' }, 'option maxTasks must be an integer from 3 to 4000000, not "x"'],
  [{ maxTasks: 1e12 }, 'option maxTasks must be an integer from 3 to 4000000, not 1000000000000'],
  [{ interval: '1' }, 'option interval must be a number of seconds from 0.001 to 2147483, not "1"'],
  [{ interval: 1n }, 'option interval must be a number of seconds from 0.001 to 2147483, not 1n'],
  [{ interval: null }, 'option interval must be a number of seconds from 0.001 to 2147483, not null'],
  [{ interval: NaN }, 'option interval must be a number of seconds from 0.001 to 2147483, not NaN'],
  [{ include: 'a' }, 'option include must be a list of patterns, not "a"'],
  [{ include: ['a', /b/] }, 'option include must be a list of patterns, and /b/ is none of that'],
  [{ source: 5 }, 'option source must be the name of a source, not 5'],
  [{ root: 'a\0b' }, 'option root must be a directory, not "a\\u0000b"'],
  [{ wattsIdle: -1, wattsBusy: 1 }, 'option wattsIdle must be a number of watts from 0 to 10000, not -1'],
  [{ names: 'yes' }, 'option names must be true or false, not "yes"'],
  [{ log: 'console' }, 'option log must be a function, not "console"'],
  [{ kubelet: 'https://n' }, 'option kubelet must be a mapping with url, tokenFile, caFile, not "https://n"'],
  [{ kubelet: {} }, 'option kubelet.url is missing: give an http:// or https:// URL'],
  [
    { kubelet: { url: 'https://n', token_file: 't' } },
    'unknown option kubelet.token_file: did you mean tokenFile?',
  ],
  [
    { kubelet: { url: 'http://n', tokenFile: '/t' } },
    'option kubelet.tokenFile needs an https:// URL in kubelet.url: the token would be sent in the clear',
  ],
];

describe('the options of openMeter', () => {
  it.each([
    ...WRONG,
    [
      { colour: 'x' },
      /^unknown option colour: use source, attribution, interval, .*, followForks, log$/,
    ] as const,
    [{ watts_idle: 1 }, /^unknown option watts_idle: did you mean wattsIdle\?$/] as const,
    [{ limits: {} }, /^unknown option limits: use /] as const,
    [{ scope: 'machine' }, /^unknown option scope: use /] as const,
    [{ wattsIdle: 1 }, /^--watts-idle and --watts-busy \(wattsIdle and wattsBusy\) belong together/] as const,
    [{ source: 'sun' }, /^unknown source "sun": use auto, power_core/] as const,
  ])('cannot be %p', async (options, message) => {
    await expect(openMeter(options as never)).rejects.toThrow(EnergyError);
    await expect(openMeter(options as never)).rejects.toMatchObject({
      code: 'EUSAGE',
      exitCode: 2,
      message: typeof message === 'string' ? message : expect.stringMatching(message),
    });
  });

  it('that are undefined are as if they were not there', () => {
    const log = (): void => {};
    const given = { source: undefined, include: undefined, kubelet: undefined, log };
    expect(checkMeterOptions(given)).toEqual({
      source: 'auto',
      attribution: 'learned',
      interval: 1,
      root: '/',
      names: false,
      scripts: false,
      maxTasks: 32_768,
      followForks: false,
      log,
    });
  });
});

describe('how packages are split', () => {
  const variable = 'JOULES_ATTRIBUTION';
  afterEach(() => {
    delete process.env[variable];
  });

  it('is said by the environment where no option says it', () => {
    process.env[variable] = 'Time';
    expect(checkMeterOptions({}).attribution).toBe('time');
    expect(checkMeterOptions({ attribution: 'learned' }).attribution).toBe('learned');
    expect(checkRecorderOptions({}).meter.attribution).toBe('time');
    process.env[variable] = ' ';
    expect(checkMeterOptions({}).attribution).toBe('learned');
  });

  it('cannot be something else', () => {
    process.env[variable] = 'guessed';
    expect(() => checkMeterOptions({})).toThrow(
      'JOULES_ATTRIBUTION must be one of learned, time, not "guessed"',
    );
  });
});

describe('the options of the producer and the instrumentation', () => {
  it('are those of the meter, a scope, and limits', () => {
    const limited = { source: 'power', limits: { processes: 0, cgroups: 5 } };
    const { meter, scope, limits } = checkRecorderOptions(limited);
    expect(scope).toBe('process');
    expect(meter).toEqual(checkMeterOptions({ source: 'power' }));
    expect(limits).toEqual({ processes: 0, executables: 1000, cgroups: 5, containers: 1000 });
    expect(checkRecorderOptions({}).limits.processes).toBe(100);
  });

  it.each([
    ...WRONG,
    [{ limits: { processes: 1.5 } }, 'option limits.processes must be an integer from 0 to 1000000, not 1.5'],
    [{ scope: 'host' }, 'option scope must be one of process, machine, not "host"'],
    [{ limits: { executables: 2 } }, 'option limits.executables must be an integer from 3 to 1000000, not 2'],
    [{ limits: { pods: 3 } }, 'unknown option limits.pods: use processes, executables, cgroups, containers'],
    [
      { limits: null },
      'option limits must be a mapping with processes, executables, cgroups, containers, not null',
    ],
  ] as const)(
    'cannot be %p: collecting says so, once, and the application goes on',
    async (options, message) => {
      const producer = new EnergyMetricProducer(options as never);
      expect((await producer.collect()).errors).toEqual([
        expect.objectContaining({ code: 'EUSAGE', message }),
      ]);
      expect((await producer.collect()).errors).toEqual([]);
      await producer.shutdown();
    },
  );
});
