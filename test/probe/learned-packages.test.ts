// SPDX-License-Identifier: Apache-2.0
import type { EnergySource } from '../../src/model/source.ts';
import { packagesOf } from '../../src/probe/learning.ts';
import { selectSource } from '../../src/sources/select.ts';
import { describedMachine } from '../support/described-machine.ts';

describe('the packages that are learned from', () => {
  const machine = describedMachine('epyc-four-dies');
  const { source } = selectSource({ spec: 'powercap', ...machine });
  const zonesOf = (from: EnergySource): number[] => packagesOf(from, machine.sys).map(({ zone }) => zone);

  it('are those of the source, with all of their CPUs', () => {
    expect(zonesOf(source)).toEqual([0, 1]);
    expect(packagesOf(source, machine.sys).map(({ cpus }) => cpus.length)).toEqual([64, 64]);
  });

  it('are none while a CPU is hidden, of which no package is known', () => {
    const hidden = { id: 'cpu:200', cpus: [200], lead: 200, hidden: true } as const;
    expect(zonesOf({ ...source, zones: [...source.zones, hidden] })).toEqual([]);
  });
});
