// SPDX-License-Identifier: Apache-2.0
import type { EnergySource } from '../../src/model/source.ts';
import type { LearnedPackage, LearningState, PackageLearning } from '../../src/probe/addon.ts';
import { createPackageLearner, packagesOf } from '../../src/probe/learning.ts';
import { selectSource } from '../../src/sources/select.ts';
import { copyMachine } from '../support/machine.ts';

const WINDOWS = { used: 0, wide: 0, length: 0, lost: 0, energy: 0 };

/** A learner of a server's package, told by `state` how that goes. */
function learner() {
  const machine = copyMachine('intel-server-2s');
  const find = (): EnergySource => selectSource({ spec: 'power', ...machine }).source;
  const told: LearnedPackage[][] = [];
  const said: string[] = [];
  const status = { state: 'calibrating' as LearningState, error: 0, restarts: 0, refused: false };
  const probe = {
    learn: async (packages: readonly LearnedPackage[]) => {
      if (status.refused) throw new Error('no thread');
      told.push([...packages]);
    },
    askLearning: async () => {
      const { state, error, restarts } = status;
      const one: PackageLearning = {
        zone: 0,
        state,
        error,
        periodNs: 1.0001e6,
        jitterNs: 9000,
        windows: WINDOWS,
        burstMs: 1000,
        cpuNs: 0,
      };
      return { packages: [one], restarts, cores: null };
    },
  };
  const log = (line: string): void => void said.push(line);
  return {
    machine,
    find,
    told,
    said,
    status,
    learner: createPackageLearner({ probe, sys: machine.sys, log }),
  };
}

describe('what is learned from packages', () => {
  it('has the CPUs that are online, by core, and the CPU that reads the counter', () => {
    const { machine, find } = learner();
    const [first] = packagesOf(find(), machine.sys);
    expect(first).toMatchObject({ zone: 0, lead: 0, location: { via: 'perf', cpu: 0 } });
    expect(first!.cores).toHaveLength(first!.cpus.length);
    const cores = new Set(first!.cores);
    expect([...cores].toSorted((a, b) => a - b)).toEqual([...cores.keys()].map((_, i) => i));
    // No counter exceeds what no package draws, whatever it is said to.
    expect(first!.maxWatts).toBeLessThanOrEqual(2000);
  });

  it('is nothing where it is split by time', () => {
    const { machine } = learner();
    const { source } = selectSource({ spec: 'power', attribution: 'time', ...machine });
    expect(packagesOf(source, machine.sys)).toEqual([]);
  });

  it('is told once while no CPU goes or comes, and again where that was refused', async () => {
    const { find, told, status, learner: one } = learner();
    const source = find();
    status.refused = true;
    await expect(one.follow(source)).rejects.toThrow('no thread');
    status.refused = false;
    await one.follow(source);
    await one.follow(source);
    await one.follow(find());
    expect(told).toHaveLength(1);
  });

  it('is told anew without a CPU that went', async () => {
    const { machine, find, told, learner: one } = learner();
    await one.follow(find());
    const cpus = told[0]!.flatMap((each) => each.cpus).toSorted((a, b) => a - b);
    machine.write('sys/devices/system/cpu/online', cpus.slice(0, -1).join(','));
    await one.follow(find());
    expect(told).toHaveLength(2);
    expect(told[1]!.flatMap((each) => each.cpus)).not.toContain(cpus.at(-1));
  });

  it('is said when it begins, becomes impossible, and begins anew, each once', async () => {
    const { find, said, status, learner: one } = learner();
    const source = find();
    await one.tell(source);
    expect(said).toEqual([]);
    for (const state of ['learning', 'learning', 'unmoved', 'calibrating', 'unmoved', 'learning'] as const) {
      status.state = state;
      await one.tell(source);
    }
    status.restarts = 2;
    await one.tell(source);
    await one.tell(source);
    const { id } = source.zones[0]!;
    expect(said).toEqual([
      `event=learning counter=${id} period_us=1000.1 jitter_us=9.0`,
      `event=no_learning counter=${id} why=unmoved period_us=1000.1`,
      `event=learning counter=${id} period_us=1000.1 jitter_us=9.0`,
      'event=relearn count=2',
    ]);
  });

  it('says the error of a counter that cannot be read', async () => {
    const { find, said, status, learner: one } = learner();
    Object.assign(status, { state: 'unreadable', error: -13 });
    await one.tell(find());
    expect(said).toEqual([expect.stringMatching(/ why=unreadable errno=13 /)]);
  });
});
