// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { attribute, type Charges } from '../../src/attribution/attribute.ts';
import type { Reading } from '../../src/model/reading.ts';
import type { PolledSource } from '../../src/model/source.ts';
import { NO_PROCESS } from '../../src/probe/columns.ts';
import { joinColumns } from '../../src/probe/join-columns.ts';
import { sum } from '../../src/util/sum.ts';
import { columnsOf, type PackageSpec, type RowSpec } from '../support/columns.ts';

const CORES = [
  { id: '0:0', package: '0', cpus: [0, 1] },
  { id: '1:0', package: '1', cpus: [2, 3] },
];
const source: PolledSource = {
  name: 'power',
  scope: 'package',
  domain: 'cpu',
  reader: 'user',
  kind: 'apportioned',
  attribution: 'learned',
  counters: [],
  idleWeight: 1,
  auxiliary: [],
  zones: [
    { id: 'package:0', cpus: [0, 1], lead: 0 },
    { id: 'package:1', cpus: [2, 3], lead: 2 },
  ],
};

const known = (joules: number): Reading => ({ kind: 'known', joules, broken: false });

function charge(
  rows: readonly RowSpec[],
  packages: readonly PackageSpec[],
  joules: number | Reading = 20,
  its: PolledSource = source,
): Charges {
  const reading = typeof joules === 'number' ? known(joules) : joules;
  return attribute(columnsOf({ rows, packages }), its, CORES, new Map([['package:0', reading]]));
}

/** A second in which 7 drew 6 W, 8 drew 2 W, idle time 1 W, and the package 1 W whoever ran, as it is predicted. */
const ROWS: readonly RowSpec[] = [
  { cpu: 0, pid: 7, ms: 1000, predicted: 6, predictedError: 0.6 },
  { cpu: 1, pid: 8, ms: 500, predicted: 2, predictedError: 0.1 },
  { cpu: 1, pid: 0, ms: 500, predicted: 1, predictedError: NaN },
];
const LEARNED = [{ zone: 0, learned: true, shared: 1 }];
/** Without the table, which has room for errors where something was to be learned. */
function chargesOf({ table: _, processes, ...rest }: Charges): Omit<Charges, 'table'> {
  return { processes, ...rest };
}

const byTime = chargesOf(charge(ROWS, []));

const joulesOf = ({ processes }: Charges): Record<number, number> =>
  Object.fromEntries(processes.map(({ pid, joules }) => [pid, joules]));

describe('a package that is learned', () => {
  it('scales what is predicted to what its counter counted', () => {
    const charges = charge(ROWS, LEARNED);
    expect(joulesOf(charges)).toEqual({ 7: expect.closeTo(12, 12), 8: expect.closeTo(4, 12) });
    expect(charges.zones).toEqual([
      {
        id: 'package:0',
        joules: 20,
        idleJoules: expect.closeTo(2, 12),
        gapJoules: 0,
        lostJoules: 0,
        sharedJoules: expect.closeTo(2, 12),
        attribution: 'learned',
      },
    ]);
  });

  it('scales errors alike', () => {
    const errors = charge(ROWS, LEARNED).processes.map(({ uncertainJoules }) => uncertainJoules);
    expect(errors).toEqual([expect.closeTo(1.2, 12), expect.closeTo(0.2, 12)]);
  });

  it('adds up the errors of a process, and knows none where it was on a package that is not learned, too', () => {
    const rows: RowSpec[] = [
      ...ROWS,
      { cpu: 1, pid: 7, ms: 10, predicted: 0, predictedError: 0.4 },
      { cpu: 2, pid: 8, ms: 10 },
    ];
    const charges = attribute(
      columnsOf({ rows, packages: LEARNED }),
      source,
      CORES,
      new Map([
        ['package:0', known(20)],
        ['package:1', known(3)],
      ]),
    );
    expect(charges.processes.map(({ uncertainJoules }) => uncertainJoules)).toEqual([
      expect.closeTo(2, 12),
      null,
    ]);
    expect(charges.zones.map(({ attribution }) => attribution)).toEqual(['learned', 'time']);
    expect(joulesOf(charges)[8]).toBeCloseTo(4 + 3, 12);
  });

  it('charges processes of which only the cgroup is known as it does others', () => {
    const rows = ROWS.map((row) => (row.pid === 8 ? { ...row, pid: NO_PROCESS, cgroup: 4 } : row));
    const charges = charge(rows, LEARNED);
    expect(charges.unidentified).toEqual({
      joules: expect.closeTo(4, 12),
      uncertainJoules: expect.closeTo(0.2, 12),
      seconds: 0.5,
    });
    expect(charges.cgroups.find(({ id }) => id === 4)!.joules).toBeCloseTo(4, 12);
  });

  it('splits two intervals that were put together by what was predicted of both', () => {
    const earlier = columnsOf({ rows: ROWS, packages: LEARNED });
    const later = columnsOf({ rows: ROWS, packages: [{ zone: 0, learned: true, shared: 3 }] });
    const both = joinColumns(earlier, later);
    const [zone] = attribute(both, source, CORES, new Map([['package:0', known(22)]])).zones;
    expect(zone).toMatchObject({ attribution: 'learned', sharedJoules: expect.closeTo(4, 12) });
    const unlearned = joinColumns(
      earlier,
      columnsOf({ rows: ROWS, packages: [{ zone: 0, learned: false, shared: 3 }] }),
    );
    expect(
      attribute(unlearned, source, CORES, new Map([['package:0', known(22)]])).zones[0]!.attribution,
    ).toBe('time');
  });
});

describe('a package of whose tasks nothing is learned', () => {
  it('keeps what is known of idle and shared energy apart, and splits the rest by run time', () => {
    const charges = charge(ROWS, [{ zone: 0, learned: false, shared: 1 }]);
    expect(joulesOf(charges)).toEqual({
      7: expect.closeTo((16 * 2) / 3, 12),
      8: expect.closeTo(16 / 3, 12),
    });
    expect(charges.zones[0]).toMatchObject({
      idleJoules: expect.closeTo(2, 12),
      sharedJoules: expect.closeTo(2, 12),
      attribution: 'time',
    });
    expect(charges.processes.map(({ uncertainJoules }) => uncertainJoules)).toEqual([null, null]);
  });
});

describe('a package is priced by time, idle time included,', () => {
  const time = { 7: 10, 8: 5 };
  it.each<[string, readonly RowSpec[], readonly PackageSpec[]]>([
    ['that is not learned from', ROWS, []],
    ['of which nothing is known yet', ROWS, [{ zone: 0, learned: false, shared: NaN }]],
    ['of a part of which nothing is known', ROWS, [...LEARNED, { zone: 0, learned: true, shared: NaN }]],
    ['whose shared part is no energy', ROWS, [{ zone: 0, learned: true, shared: -1 }]],
    [
      'of which a row is not predicted',
      ROWS.map((row, i) => ({ ...row, predicted: [6, NaN, 1][i]! })),
      LEARNED,
    ],
    ['of which a row is negative', ROWS.map((row, i) => ({ ...row, predicted: [6, -1e-9, 1][i]! })), LEARNED],
    [
      'of which a row is endless',
      ROWS.map((row, i) => ({ ...row, predicted: [6, Infinity, 1][i]! })),
      LEARNED,
    ],
    ['of which all is too much', ROWS.map((row) => ({ ...row, predicted: 1e308 })), LEARNED],
    [
      'that is predicted to have drawn nothing',
      ROWS.map((row) => ({ ...row, predicted: 0 })),
      [{ zone: 0, learned: true, shared: 0 }],
    ],
    ['whose prediction is of another one', ROWS, [{ zone: 1, learned: true, shared: 1 }]],
    ['whose prediction is of none', ROWS, [{ zone: 9, learned: true, shared: 1 }]],
  ])('%s', (_, rows, packages) => {
    const charges = charge(rows, packages);
    expect(chargesOf(charges)).toEqual(byTime);
    expect(joulesOf(charges)).toEqual({ 7: expect.closeTo(time[7], 12), 8: expect.closeTo(time[8], 12) });
    expect(charges.zones[0]).toMatchObject({ attribution: 'time', sharedJoules: 0 });
    expect(charges.processes.map(({ uncertainJoules }) => uncertainJoules)).toEqual([null, null]);
  });

  it('if the user wants that', () => {
    const charges = charge(ROWS, LEARNED, 20, { ...source, attribution: 'time' });
    expect(chargesOf(charges)).toEqual(byTime);
  });
});

describe('nothing is split', () => {
  const nobody = (charges: Charges): void => {
    expect(charges.processJoules).toBe(0);
    for (const { attribution } of charges.zones) expect(attribution).toBeNull();
  };

  it('of what was counted over a gap, which is nobody’s', () => {
    const charges = charge(ROWS, LEARNED, { kind: 'gap', joules: 20, broken: false });
    nobody(charges);
    expect(charges.zones[0]).toMatchObject({ gapJoules: 20, idleJoules: 0, sharedJoules: 0 });
  });

  it('of a counter that is unknown, of which there are no figures', () => {
    const charges = charge(ROWS, LEARNED, { kind: 'unknown', broken: false });
    nobody(charges);
    expect(charges.zones).toEqual([]);
  });

  it('where nobody ran', () => {
    const charges = charge([], LEARNED);
    nobody(charges);
    expect(charges.zones[0]).toMatchObject({ gapJoules: 20, sharedJoules: 0 });
  });

  it('where nothing was counted', () => {
    const charges = charge(ROWS, LEARNED, 0);
    nobody(charges);
    expect(charges.zones[0]).toMatchObject({ joules: 0, sharedJoules: 0 });
  });
});

const anyJoules = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 100, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, NaN, Infinity, -1, 5e-324, 1e-300, 1e300, Number.MAX_VALUE) },
);
const anyRow: fc.Arbitrary<RowSpec> = fc.record({
  cpu: fc.integer({ min: 0, max: 4 }),
  pid: fc.constantFrom(0, 1, 2, 3, NO_PROCESS),
  cgroup: fc.integer({ min: 1, max: 3 }),
  ms: fc.oneof(
    fc.constant(0),
    fc.integer({ min: 1, max: 2000 }),
    fc.double({ min: 1e-6, max: 1, noNaN: true }),
  ),
  predicted: anyJoules,
  predictedError: anyJoules,
});
const anyPackage: fc.Arbitrary<PackageSpec> = fc.record({
  zone: fc.integer({ min: 0, max: 2 }),
  learned: fc.boolean(),
  shared: anyJoules,
});
const anyReading: fc.Arbitrary<Reading> = fc.oneof(
  // A count of an energy counter is some µJ.
  { weight: 6, arbitrary: fc.double({ min: 1e-9, max: 1e6, noNaN: true }).map(known) },
  { weight: 1, arbitrary: fc.constant(known(0)) },
  { weight: 1, arbitrary: fc.constant<Reading>({ kind: 'gap', joules: 7, broken: false }) },
  { weight: 1, arbitrary: fc.constant<Reading>({ kind: 'unknown', broken: true }) },
);

describe('whatever is predicted', () => {
  it('every counter is what rows, idle time, nobody, gaps and losses were charged, to a part in 10^12', () => {
    fc.assert(
      fc.property(
        fc.array(anyRow, { maxLength: 40 }),
        fc.array(anyPackage, { maxLength: 3 }),
        fc.tuple(anyReading, anyReading),
        (rows, packages, readings) => {
          const charges = attribute(
            columnsOf({ rows, packages }),
            source,
            CORES,
            new Map(readings.map((reading, i) => [`package:${i}`, reading])),
          );
          const used = [...charges.processes, ...(charges.unidentified ? [charges.unidentified] : [])];
          const figures = [
            ...used.map(({ joules }) => joules),
            ...used.flatMap(({ uncertainJoules }) => uncertainJoules ?? []),
            ...charges.cgroups.map(({ joules }) => joules),
            ...charges.zones.flatMap((zone) => [
              zone.joules,
              zone.idleJoules,
              zone.gapJoules,
              zone.lostJoules,
              zone.sharedJoules,
            ]),
          ];
          for (const figure of figures) expect(figure >= 0 && figure < Infinity).toBe(true);
          for (const zone of charges.zones) {
            const core = charges.cores.find(({ id }) => id === `${zone.id.slice(-1)}:0`);
            const charged = (core?.joules ?? 0) + zone.gapJoules + zone.lostJoules + zone.sharedJoules;
            expect(Math.abs(charged - zone.joules)).toBeLessThanOrEqual(zone.joules * 1e-12);
          }
          const counted = sum(charges.zones.map(({ joules }) => joules));
          const nobodys = sum(
            charges.zones.map(
              (zone) => zone.idleJoules + zone.gapJoules + zone.lostJoules + zone.sharedJoules,
            ),
          );
          expect(Math.abs(charges.processJoules + nobodys - counted)).toBeLessThanOrEqual(counted * 1e-12);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
