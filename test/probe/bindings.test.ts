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

  it('is hidden once it ran tasks twice in a row: it is bound, and told once', async () => {
    const { bindings: opened, bound, said } = await bindings();
    bound.length = 0;
    expect([[0, 20], [0], [0, 20]].map((cpus) => opened.noticeCpus(cpus))).toEqual([false, false, false]);
    expect(said).toEqual([]);
    expect(opened.noticeCpus([20, 0])).toBe(true);
    await opened.reconcile();
    expect(opened.source().zones.at(-1)).toEqual(HIDDEN);
    expect(bound).toEqual(['cpu:20']);
    expect(said[0]).toMatch(/^event=hidden cpu=20 why="sysfs does not list it, .*--root"$/);
    expect(opened.take()).toEqual({ rebinds: 1, gaps: 1 });
    expect(opened.noticeCpus([20])).toBe(false);
    await opened.reconcile();
    expect(bound).toHaveLength(1);
  });

  it('is as any other as soon as it is listed', async () => {
    const { machine, bindings: opened } = await bindings();
    opened.noticeCpus([20]);
    opened.noticeCpus([20]);
    await opened.reconcile();
    machine.write(ONLINE, '0-15,20\n');
    await opened.reconcile();
    const zones = opened.source().zones.filter(({ cpus }) => cpus.includes(20));
    expect(zones).toEqual([{ id: 'core:0:20', cpus: [20], lead: 20 }]);
  });
});
