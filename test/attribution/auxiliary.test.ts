// SPDX-License-Identifier: Apache-2.0
import { type Auxiliary, type AuxiliaryCharges, createAuxiliary } from '../../src/attribution/auxiliary.ts';
import type { Reading } from '../../src/model/reading.ts';
import type { ZoneCharge } from '../../src/attribution/by-zone.ts';
import type { Counter, SwitchedSource } from '../../src/model/source.ts';

function counter(id: string, domain: Counter['domain'], cpus: number[], parent?: string): Counter {
  const location = { via: 'powercap', path: '' } as const;
  const common = { id, domain, cpus, joulesPerCount: 1, range: 0n, maxWatts: 1, location };
  return parent === undefined ? common : { ...common, parent };
}

/** Two packages of one core each; memory beside them. */
const source: SwitchedSource = {
  name: 'power_core',
  scope: 'core',
  domain: 'cpu',
  reader: 'bpf',
  kind: 'measured',
  event: { type: 9, config: 1n, config1: 0n, config2: 0n },
  joulesPerCount: 1,
  idlePays: false,
  maxWatts: 0,
  zones: [0, 1].map((i) => ({ id: `core:${i}:0`, cpus: [i], lead: i })),
  auxiliary: [
    counter('package:0', 'cpu', [0]),
    counter('package:1', 'cpu', [1]),
    counter('memory:0', 'memory', [0]),
    counter('gpu:0', 'gpu', [0], 'package:0'),
  ],
};

function cores(...joules: number[]): ZoneCharge[] {
  return joules.map((one, i) => ({
    id: `core:${i}:0`,
    joules: one,
    idleJoules: one,
    gapJoules: 0,
    lostJoules: 0,
    sharedJoules: 0,
    attribution: null,
  }));
}

function readings(joules: Record<string, number | undefined>, broken = false): Map<string, Reading> {
  return new Map(
    Object.entries(joules).map(([id, one]) => [
      id,
      one === undefined ? { kind: 'unknown', broken } : { kind: 'known', joules: one, broken },
    ]),
  );
}

/** Each interval is measured. */
function settling(): Auxiliary['charge'] {
  const auxiliary = createAuxiliary();
  return (...interval) => {
    const charges = auxiliary.charge(...interval);
    auxiliary.settle();
    return charges;
  };
}

const counted = ({ zones }: AuxiliaryCharges): [string, number, number][] =>
  zones.map(({ id, joules, sharedJoules }) => [id, joules, sharedJoules]);

describe('what packages count beyond their cores', () => {
  it('is the same where an interval that could not be measured is charged again', () => {
    const auxiliary = createAuxiliary();
    const charge = (): [string, number, number][] =>
      counted(auxiliary.charge(source, cores(6, 3), readings({ 'package:0': 4, 'package:1': 4 })));
    const once = charge();
    expect(charge()).toEqual(once);
    auxiliary.settle();
    // Of the 2 J that cores were counted ahead of their package, the next reading makes up for.
    const next = auxiliary.charge(source, cores(0, 0), readings({ 'package:0': 5, 'package:1': 0 }));
    expect(counted(next)).toContainEqual(['shared:0', 3, 3]);
  });

  it('is nobody’s, and the parts of a package add up to its energy', () => {
    const { zones } = settling()(source, cores(6, 3), readings({ 'package:0': 10, 'package:1': 4 }));
    expect(zones.map(({ id, parent, joules, sharedJoules }) => [id, parent, joules, sharedJoules])).toEqual([
      ['core:0:0', 'package:0', 6, 0],
      ['core:1:0', 'package:1', 3, 0],
      ['shared:0', 'package:0', 4, 4],
      ['shared:1', 'package:1', 1, 1],
    ]);
  });

  it('is none of a core whose package has no counter', () => {
    const first = { ...source, auxiliary: source.auxiliary.filter(({ id }) => id === 'package:0') };
    const { zones, domains } = createAuxiliary().charge(first, cores(6, 3), readings({ 'package:0': 10 }));
    expect(zones.map(({ id, parent }) => [id, parent])).toEqual([
      ['core:0:0', 'package:0'],
      ['core:1:0', null],
      ['shared:0', 'package:0'],
    ]);
    expect(domains).toEqual([]);
  });

  it('is unknown while the package cannot be read, and its next reading makes up for that', () => {
    const auxiliary = settling();
    expect(counted(auxiliary(source, cores(6, 3), readings({ 'package:0': undefined })))).toEqual([
      ['core:0:0', 6, 0],
      ['core:1:0', 3, 0],
    ]);
    // 25 J of two intervals, of which the cores had 6 and 8.
    expect(counted(auxiliary(source, cores(8, 3), readings({ 'package:0': 25 })))).toContainEqual([
      'shared:0',
      11,
      11,
    ]);
  });

  it('is never negative: what the cores were ahead is made up for', () => {
    const auxiliary = settling();
    const totals = [
      [10, 9],
      [10, 14],
    ].map(([core, pkg]) =>
      counted(auxiliary(source, cores(core!, 0), readings({ 'package:0': pkg! }))).at(-1),
    );
    expect(totals).toEqual([
      ['shared:0', 0, 0],
      ['shared:0', 3, 3],
    ]);
  });

  it('is that of an interval alone where the package was read in the last one too', () => {
    const auxiliary = settling();
    const shared = [10, 11].map((pkg) =>
      counted(auxiliary(source, cores(6, 0), readings({ 'package:0': pkg }))).at(-1),
    );
    expect(shared).toEqual([
      ['shared:0', 4, 4],
      ['shared:0', 5, 5],
    ]);
  });

  it('is without its graphics, which are counted for themselves, also where those are read later', () => {
    const auxiliary = settling();
    const shared = [
      { 'package:0': 15, 'gpu:0': 5 },
      { 'package:0': 15, 'gpu:0': undefined },
      { 'package:0': 15, 'gpu:0': 10 },
    ].map((joules) => counted(auxiliary(source, cores(6, 0), readings(joules))).at(-1));
    expect(shared).toEqual([
      ['shared:0', 4, 4],
      ['shared:0', 9, 9],
      ['shared:0', 0, 0],
    ]);
  });

  it('is unknown where a part of the package’s energy is missing, and begins anew', () => {
    const auxiliary = settling();
    auxiliary(source, cores(10, 0), readings({ 'package:0': 4 }));
    expect(counted(auxiliary(source, cores(10, 0), readings({ 'package:0': 2 }, true)))).toHaveLength(2);
    expect(counted(auxiliary(source, cores(10, 0), readings({ 'package:0': 15 })))).toContainEqual([
      'shared:0',
      5,
      5,
    ]);
  });
});

describe('other domains', () => {
  it('are listed by their type, without those that could not be read, and are in no zone', () => {
    const { zones, domains } = settling()(source, cores(1, 1), readings({ 'memory:0': 2.5 }));
    expect(domains).toEqual([
      { id: 'memory:0', type: 'memory', kind: 'measured', parent: null, joules: 2.5 },
    ]);
    expect(zones.map(({ id }) => id)).toEqual(['core:0:0', 'core:1:0']);
  });

  it('say what they are a part of', () => {
    const { domains } = settling()(source, cores(1, 1), readings({ 'gpu:0': 1 }));
    expect(domains).toEqual([{ id: 'gpu:0', type: 'gpu', kind: 'measured', parent: 'package:0', joules: 1 }]);
  });
});
