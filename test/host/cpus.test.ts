// SPDX-License-Identifier: Apache-2.0
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  coreReader,
  isSettled,
  listCpus,
  onlineCores,
  onlineCpus,
  parseCpuList,
} from '../../src/host/cpus.ts';
import { withFewDescriptors } from '../support/few-descriptors.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const MACHINES = join(__dirname, '../fixtures/sys');
const SERVER = join(MACHINES, 'amd-server-power-core');

describe('a list of CPUs', () => {
  it.each([
    ['0\n', [0]],
    ['0-3,8,10-11\n', [0, 1, 2, 3, 8, 10, 11]],
    ['\n', []],
    ['', []],
    ['8190-999999999,4294967296', [8190, 8191]],
    ['3-1,x,0-0x3,2,1-2', [2, 1]],
  ])('%j is %j', (text, cpus) => {
    expect(parseCpuList(text)).toEqual(cpus);
  });

  it.each([
    [[], ''],
    [[3], '3'],
    [[11, 0, 2, 1, 10, 8], '0-2,8,10-11'],
  ])('of %j is %j', (cpus, text) => {
    expect(listCpus(cpus)).toBe(text);
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
    expect(cores[3]).toEqual({ id: '0:3', package: '0', die: '0', cpus: [3, 11] });
    expect(cores[4]).toEqual({ id: '1:0', package: '1', die: '0', cpus: [4, 12] });
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

  const idsByCpu = (): Record<number, string> =>
    Object.fromEntries(onlineCores(sys).flatMap(({ id, cpus }) => cpus.map((cpu) => [cpu, id])));
  /** Two of package 0's four cores, and their siblings, sit in its second die, module or cluster. */
  const renumber = (file?: string): void => {
    for (const [cpu, number] of [2, 3, 10, 11].entries())
      write(`cpu${number}/topology/core_id`, `${cpu % 2}\n`);
    for (const cpu of [0, 1, 8, 9]) if (file) write(`cpu${cpu}/topology/${file}`, '0\n');
    for (const cpu of [2, 3, 10, 11]) if (file) write(`cpu${cpu}/topology/${file}`, '1\n');
  };

  it.each([
    ['die', 'die_id', ['0:0:0', '0:0:1', '0:1:0', '0:1:1', '1:0']],
    ['module', 'cluster_id', ['0:0:0:0', '0:0:0:1', '0:0:1:0', '0:0:1:1', '1:0']],
    ['unknown part', undefined, ['0:0:cpu0', '0:1:cpu1', '0:0:cpu2', '0:1:cpu3', '1:0']],
  ])('tells cores apart whose numbers repeat in another %s', (_, file, ids) => {
    renumber(file);
    const found = idsByCpu();
    expect([0, 1, 2, 3, 4].map((cpu) => found[cpu])).toEqual(ids);
    expect([8, 9, 10, 11, 12].map((cpu) => found[cpu])).toEqual(ids);
  });

  it('gives a core the same id whichever of its CPUs, and of the others, are online', () => {
    renumber('die_id');
    const all = idsByCpu();
    // A whole die, or all that a number repeats with, or all but one thread.
    for (const online of ['2-7,10-15', '2,7', '11', '8-15', '0-15']) {
      write('online', `${online}\n`);
      for (const [cpu, id] of Object.entries(idsByCpu()))
        expect([online, cpu, id]).toEqual([online, cpu, all[Number(cpu)]]);
    }
  });

  it('leaves the ids of cores as they are when others come whose numbers repeat', () => {
    renumber('die_id');
    write('online', '0-1,4-9,12-15\n');
    expect([idsByCpu()[0], idsByCpu()[1]]).toEqual(['0:0', '0:1']);
    write('online', '0-15\n');
    const found = idsByCpu();
    expect([0, 1, 2, 3].map((cpu) => found[cpu])).toEqual(['0:0', '0:1', '0:1:0', '0:1:1']);
  });

  it('leaves a CPU in its core while the lists of siblings disagree', () => {
    onlineCores(sys);
    for (const file of ['core_cpus_list', 'thread_siblings_list']) write(`cpu11/topology/${file}`, '11\n');
    expect(onlineCores(sys).filter(({ cpus }) => cpus.includes(3) || cpus.includes(11))).toEqual([
      { id: '0:3', package: '0', die: '0', cpus: [3, 11] },
    ]);
  });

  it('keeps package:core where numbers do not repeat, however many dies there are', () => {
    for (const cpu of [2, 3, 10, 11]) write(`cpu${cpu}/topology/die_id`, '1\n');
    expect(Object.values(idsByCpu()).slice(0, 4)).toEqual(['0:0', '0:1', '0:2', '0:3']);
  });

  it.each([
    ['all agree', true, ['0-1', '0-1', '2', '3']],
    ['a list names one that is offline', true, ['0,9', '1,8', '2', '3']],
    ['no CPU has any', true, [undefined, undefined, undefined, undefined]],
    ['a CPU came back after its sibling was read', false, ['0', '0-1', '2', '3']],
    ['a CPU had gone when it was read', false, ['0-1', undefined, '2', '3']],
    ['a CPU had gone when it was read, and its files had not', false, ['0', '', '2', '3']],
    ['a CPU had gone when it and its sibling were read', false, ['0', undefined, '2', '3']],
  ])('where %s, is settled: %j', (_how, settled, lists) => {
    const topologies = lists.map((siblings, cpu) => ({
      cpu,
      package: '0',
      die: '0',
      cluster: '0',
      core: '0',
      siblings,
    }));
    expect(isSettled(topologies)).toBe(settled);
  });

  it('says what is wrong, and what to do, where sysfs cannot be read', async () => {
    await withFewDescriptors(0, () =>
      expect(() => onlineCpus(sys)).toThrow(
        expect.objectContaining({
          name: 'EnergyError',
          code: 'EMFILE',
          message: expect.stringMatching(/online \(EMFILE\): raise the limit of open files/),
        }),
      ),
    );
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
      { id: '0:0:cpu0', package: '0', die: '0', cpus: [0] },
      { id: '0:0:cpu8', package: '0', die: '0', cpus: [8] },
    ]);
  });
});
