// SPDX-License-Identifier: Apache-2.0
import { bindCounters } from '../../src/probe/bindings.ts';
import type { SwitchedSource, Zone } from '../../src/model/source.ts';
import { copyMachine } from '../support/machine.ts';
import { selectSource } from '../../src/sources/select.ts';

const ONLINE = 'sys/devices/system/cpu/online';

/** Bindings of a server's cores to a probe that binds whatever it is told to, in a machine that may sleep. */
async function bindings() {
  const machine = copyMachine('amd-server-power-core');
  const rediscover = (): SwitchedSource => {
    const { source } = selectSource({ spec: 'power_core', ...machine });
    if (source.reader !== 'bpf') throw new Error('BPF reads power_core');
    return source;
  };
  const slept = { asleepNs: 0 };
  const bound: string[] = [];
  const said: string[] = [];
  const probe = {
    bind: async (_: number, { id }: Zone) => void bound.push(id),
    lookAfter: async () => {
      const { asleepNs } = slept;
      slept.asleepNs = 0;
      return { zones: new Uint32Array(), asleepNs };
    },
  };
  const log = (line: string): void => void said.push(line);
  const opened = await bindCounters({ probe, source: rediscover(), rediscover, sys: machine.sys, log });
  return { machine, bindings: opened, slept, bound, said };
}

describe('counters that are bound to CPUs', () => {
  it('are bound once while nothing changes', async () => {
    const { bindings: opened, bound, said } = await bindings();
    await opened.reconcile();
    expect(bound).toHaveLength(8);
    expect(said).toEqual([]);
  });

  it('are bound anew after a sleep even if sysfs could not be read when it was told', async () => {
    const { machine, bindings: opened, slept, bound, said } = await bindings();
    bound.length = 0;
    machine.remove(ONLINE);
    slept.asleepNs = 5e9;
    await expect(opened.reconcile()).rejects.toMatchObject({ name: 'EnergyError', code: 'ESYSFS' });
    expect(opened.take()).toEqual({ rebinds: 0, gaps: 0 });
    machine.write(ONLINE, '0-15\n');
    await opened.reconcile();
    expect(bound).toHaveLength(8);
    expect(said[0]).toBe('event=resume asleep_s=5.000');
    expect(opened.take()).toEqual({ rebinds: 8, gaps: 8 });
    await opened.reconcile();
    expect(bound).toHaveLength(8);
  });
});

describe('a CPU that sysfs does not list', () => {
  const HIDDEN = { id: 'cpu:20', cpus: [20], lead: 20, hidden: true };
  const CPUMASK = 'sys/bus/event_source/devices/power_core/cpumask';

  /** Bindings of a machine whose PMU counts on CPU 20, too. */
  async function hiding(): ReturnType<typeof bindings> {
    const opened = await bindings();
    opened.machine.write(CPUMASK, '0-2,4-7,11,20\n');
    opened.bound.length = 0;
    return opened;
  }

  it('is hidden once it ran twice in a row: it is bound, and told once', async () => {
    const { bindings: opened, bound, said } = await hiding();
    expect([[0, 20], [0], [0, 20]].map((cpus) => opened.noticeCpus(cpus))).toEqual([false, false, false]);
    expect(said).toEqual([]);
    expect(opened.noticeCpus([20, 0])).toBe(true);
    await opened.reconcile();
    expect(opened.source().zones.at(-1)).toEqual(HIDDEN);
    expect(bound).toEqual(['cpu:20']);
    expect(said[0]).toMatch(/^event=hidden cpus=20 why="sysfs does not list them, .*--root"$/);
    expect(opened.take()).toEqual({ rebinds: 1, gaps: 1 });
    expect(opened.noticeCpus([20])).toBe(false);
    await opened.reconcile();
    expect(bound).toHaveLength(1);
  });

  it('is none that is hidden where sysfs lists it by now', async () => {
    const { machine, bindings: opened, said } = await hiding();
    machine.write(ONLINE, '0-15,20\n');
    expect([[20], [20], [20]].map((cpus) => opened.noticeCpus(cpus))).toEqual([false, false, false]);
    expect(said).toEqual([]);
  });

  it('is told in one line with the others', async () => {
    const { bindings: opened, said } = await hiding();
    opened.noticeCpus([20, 22, 21, 40]);
    opened.noticeCpus([20, 22, 21, 40]);
    expect(said).toEqual([expect.stringMatching(/^event=hidden cpus=20-22,40 why=/)]);
  });

  it('is in the zone of a core that names it as its thread: its counter is counted once', async () => {
    const { machine, bindings: opened, bound } = await hiding();
    machine.write('sys/devices/system/cpu/cpu3/topology/core_cpus_list', '3,11,20\n');
    machine.write('sys/devices/system/cpu/cpu11/topology/core_cpus_list', '3,11,20\n');
    for (let i = 0; i < 2; i++) opened.noticeCpus([20]);
    await opened.reconcile();
    expect(opened.source().zones.find(({ cpus }) => cpus.includes(20))).toMatchObject({ cpus: [3, 11, 20] });
    expect(opened.source().zones).toHaveLength(8);
    expect(bound).toHaveLength(1);
    await opened.reconcile();
    expect(bound).toHaveLength(1);
  });

  it('has no event of its own where its core is counted on another CPU', async () => {
    const { bindings: opened, bound, said } = await hiding();
    for (let i = 0; i < 2; i++) opened.noticeCpus([20, 28]);
    await opened.reconcile();
    expect(bound).toEqual(['cpu:20']);
    expect(said[0]).toMatch(/^event=hidden cpus=20,28 /);
    expect(opened.noticeCpus([20, 28])).toBe(false);
    await opened.reconcile();
    expect(bound).toEqual(['cpu:20']);
  });

  it('is as any other as soon as it is listed', async () => {
    const { machine, bindings: opened } = await hiding();
    opened.noticeCpus([20]);
    opened.noticeCpus([20]);
    await opened.reconcile();
    machine.write(ONLINE, '0-15,20\n');
    await opened.reconcile();
    const zones = opened.source().zones.filter(({ cpus }) => cpus.includes(20));
    expect(zones).toEqual([{ id: 'core:0:20', cpus: [20], lead: 20 }]);
  });
});
