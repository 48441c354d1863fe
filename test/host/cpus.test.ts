// SPDX-License-Identifier: Apache-2.0
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { coreReader, isSettled, onlineCores, onlineCpus, parseCpuList } from '../../src/host/cpus.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MACHINES = join(__dirname, '../fixtures/sys');
const SERVER = join(MACHINES, 'amd-server-power-core');

describe('a list of CPUs', () => {
  it.each([
    ['0\n', [0]],
    ['0-3,8,10-11\n', [0, 1, 2, 3, 8, 10, 11]],
    ['\n', []],
    ['', []],
  ])('%j is %j', (text, cpus) => {
    expect(parseCpuList(text)).toEqual(cpus);
  });
});

describe('the topology', () => {
  let sys: string;
  beforeEach(() => {
    sys = temporaryDirectory();
    cpSync(SERVER, sys, { recursive: true });
  });
  const write = (path: string, text: string): void =>
    writeFileSync(join(sys, 'devices/system/cpu', path), text);

  it('pairs the hardware threads of a core', () => {
    const cores = onlineCores(sys);
    expect(cores).toHaveLength(8);
    expect(cores[3]).toEqual({ id: '0:3', package: '0', cpus: [3, 11] });
    expect(cores[4]).toEqual({ id: '1:0', package: '1', cpus: [4, 12] });
  });

  it('leaves out CPUs that are offline, and cores without any other', () => {
    write('online', '0-2,4-10,12-15\n');
    expect(onlineCpus(sys)).toEqual([0, 1, 2, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15]);
    expect(onlineCores(sys).map(({ id }) => id)).not.toContain('0:3');
    write('online', '0-2,4-15\n');
    expect(onlineCores(sys).find(({ id }) => id === '0:3')?.cpus).toEqual([11]);
  });

  it('remembers the CPUs that a core has had', () => {
    const cores = coreReader(sys);
    cores();
    write('online', '0-2,4-10,12-15\n');
    expect(cores().find(({ id }) => id === '0:3')?.cpus).toEqual([3, 11]);
    write('online', '0-10,12-15\n');
    expect(cores().find(({ id }) => id === '0:3')?.cpus).toEqual([3, 11]);
  });

  it('keeps cores apart whose number repeats in another die', () => {
    write('cpu1/topology/core_id', '0\n');
    write('cpu9/topology/core_id', '0\n');
    const cores = onlineCores(sys).filter(({ id }) => id.startsWith('0:0'));
    expect(cores.map(({ id, cpus }) => [id, cpus])).toEqual([
      ['0:0', [0, 8]],
      ['0:0:1', [1, 9]],
    ]);
  });

  it.each([
    ['all agree', true, ['0-1', '0-1', '2', '3']],
    ['a list names one that is offline', true, ['0,9', '1,8', '2', '3']],
    ['no CPU has any', true, [undefined, undefined, undefined, undefined]],
    ['a CPU came back after its sibling was read', false, ['0', '0-1', '2', '3']],
    ['a CPU had gone when it was read', false, ['0-1', undefined, '2', '3']],
    ['a CPU had gone when it and its sibling were read', false, ['0', undefined, '2', '3']],
  ])('where %s, is settled: %j', (_how, settled, lists) => {
    const topologies = lists.map((siblings, cpu) => ({ cpu, package: '0', core: '0', siblings }));
    expect(isSettled(topologies)).toBe(settled);
  });

  it('says what to do where sysfs is not mounted', () => {
    expect(() => onlineCpus(join(sys, 'nowhere'))).toThrow(
      expect.objectContaining({ code: 'ESYSFS', message: expect.stringContaining('mount sysfs') }),
    );
  });

  it('takes a CPU without topology for a core of its own', () => {
    rmSync(join(sys, 'devices/system/cpu/cpu0/topology'), { recursive: true });
    write('online', '0,8\n');
    expect(onlineCores(sys)).toEqual([
      { id: '0:0', package: '0', cpus: [0] },
      { id: '0:0:8', package: '0', cpus: [8] },
    ]);
  });
});
