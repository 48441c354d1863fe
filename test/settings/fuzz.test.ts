// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { stringify } from 'yaml';
import { EnergyError } from '../../src/model/errors.ts';
import { parseConfig } from '../../src/settings/config.ts';
import { publishSettings } from '../../src/settings/environment.ts';
import { checkMeterOptions, checkRecorderOptions } from '../../src/settings/library.ts';
import { parseOptions } from '../../src/settings/options.ts';
import { COMMAND, RECORDER, rowsOf } from '../../src/settings/table.ts';
import { VERB_NAMES } from '../../src/settings/verbs.ts';
import { VARIABLES } from '../../src/settings/variables.ts';
import { parsePerfSpec } from '../../src/sources/perf.ts';

const RUNS = { numRuns: 10_000 };

/** What a parser gives, or that it refuses, in one line that says what is wrong. */
function outcome(parse: () => unknown): 'taken' | 'refused' {
  try {
    parse();
    return 'taken';
  } catch (error) {
    if (!(error instanceof EnergyError) || error.code !== 'EUSAGE') throw error;
    expect(error.message).toMatch(/^[^\n]{10,600}$/);
    return 'refused';
  }
}

/** Every input is taken or refused, and the generator finds both. */
function expectBoth(arbitrary: fc.Arbitrary<() => unknown>): void {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(arbitrary, (parse) => void seen[outcome(parse)]++),
    RUNS,
  );
  expect(seen.taken).toBeGreaterThan(RUNS.numRuns / 100);
  expect(seen.refused).toBeGreaterThan(RUNS.numRuns / 100);
}

const words = [...rowsOf({ ...RECORDER, ...COMMAND })].flatMap(([name, { option, key }]) =>
  [option, key, name].filter((word) => word !== undefined),
);
const word = fc.constantFrom(...words, 'limits', 'kubelet', '__proto__', 'toString');
const plausible = fc.oneof(
  fc.constantFrom(
    '1',
    '0',
    '-0',
    '3.5',
    '1e400',
    'NaN',
    'true',
    'http://h',
    'https://a:b@h',
    '',
    ' ',
    '=',
    ',',
  ),
  fc.constantFrom(
    'otlp',
    'none',
    'gzip',
    'delta',
    'http/json',
    'a=b,c=%zz',
    'a=b',
    'GRPC',
    'power',
    '\0',
    '%',
  ),
  fc.string({ unit: 'binary' }),
  fc.nat().map(String),
);
const value = fc.oneof(fc.anything(), plausible, fc.nat(), fc.array(plausible), fc.boolean(), fc.double());
const mapping = fc.dictionary(word, fc.oneof(value, fc.dictionary(word, value)), { maxKeys: 3 });

describe('whatever is given is taken or refused in a line', () => {
  it('on the command line', () => {
    const names = rowsOf({ ...RECORDER, ...COMMAND }).flatMap(([, { option }]) => option ?? []);
    const option = fc.tuple(fc.constantFrom(...names), plausible);
    const argument = fc.oneof(
      { weight: 6, arbitrary: option.map(([name, text]) => [`--${name}=${text}`]) },
      { weight: 4, arbitrary: option.map(([name, text]) => [`--${name}`, text]) },
      { weight: 1, arbitrary: fc.string().map((text) => [text]) },
    );
    const args = fc.array(argument, { maxLength: 3 });
    expectBoth(
      fc.tuple(fc.constantFrom(...VERB_NAMES), args).map(
        ([verb, list]) =>
          () =>
            parseOptions(verb, list.flat()),
      ),
    );
  });

  it('in a configuration file', () => {
    const text = fc.oneof(
      mapping.map((settings) => {
        try {
          return stringify(settings);
        } catch {
          return '';
        }
      }),
      fc.tuple(word, plausible).map(([key, given]) => `${key}: ${given}`),
      fc.string({ unit: 'binary' }),
      fc
        .array(
          fc.constantFrom(
            'a',
            ': ',
            '- ',
            '&a ',
            '*a',
            '!t ',
            '{',
            '}',
            '[',
            ']',
            '\n',
            '  ',
            '"',
            '#',
            '---',
          ),
          {
            maxLength: 20,
          },
        )
        .map((parts) => parts.join('')),
    );
    expectBoth(text.map((given) => () => parseConfig('a.yaml', given)));
  });

  it('in the environment', () => {
    const variables = Object.values(VARIABLES).flatMap((one) => one.variables);
    const environment = fc.dictionary(fc.constantFrom(...variables), plausible, { maxKeys: 4 });
    expectBoth(environment.map((env) => () => publishSettings(env)));
  });

  it('as options of the library', () => {
    const options = fc.oneof(mapping, fc.anything());
    expectBoth(options.map((given) => () => checkMeterOptions(given)));
    expectBoth(options.map((given) => () => checkRecorderOptions(given)));
  });

  it('as a perf event', () => {
    const part = fc.constantFrom(
      'scope=core',
      'joules=',
      'scope=',
      ',',
      '/',
      'e',
      '1e-9',
      '1e12',
      'joules=0.5',
      '\n',
    );
    const tail = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
    const spec = fc.oneof(
      fc.string({ unit: 'binary' }),
      tail.map((text) => `perf:msr/tsc/${text}`),
      tail.map((text) => `perf:msr/tsc/,${text}`),
    );
    expectBoth(spec.map((given) => () => parsePerfSpec(given)));
  });
});
