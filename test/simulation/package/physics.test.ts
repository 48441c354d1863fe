// SPDX-License-Identifier: Apache-2.0
import { sum } from '../../../src/util/sum.ts';
import { KIND, unpackRecords } from '../trace.ts';
import { IDLE, MS, SEC } from '../workload.ts';
import { hardwareOf, PACKAGE, type PackageHardware } from './hardware.ts';
import { overlap } from './idle.ts';
import type { LoadMaker } from './load.ts';
import { hardwareFor, LOADS } from './loads.ts';
import { createMachine, type Machine, type Truth } from './machine.ts';

/** Without anything that is random. */
const STILL: PackageHardware = {
  ...PACKAGE,
  noise: 0,
  executableSpread: 0,
  processSpread: 0,
  uncoreNoise: 0,
  counterNoise: 0,
  turbo: 0,
};
const spin: LoadMaker = ({ tasks }) => {
  const task = tasks.create({ comm: 'spin', profile: 'spin', cgroup: 1, changes: { swing: 0 } });
  return (cpu) => ({ task: cpu === 0 ? task : IDLE, ns: 10 * MS });
};
const nothing: LoadMaker = () => () => ({ task: IDLE, ns: 10 * MS });
const beside: LoadMaker = ({ tasks }) => {
  const two = [0, 1].map((i) =>
    tasks.create({ comm: `two${i}`, profile: 'spin', cgroup: 1, changes: { swing: 0 } }),
  );
  return (cpu) => ({ task: two[cpu] ?? IDLE, ns: 10 * MS });
};

const machineOf = (load: LoadMaker, hardware = STILL, threads = 4, packages = 1): Machine =>
  createMachine({ name: 'test', load, threads, packages, seed: 1, hardware });
/** After a second, in which frequency settles. */
function watts(load: LoadMaker, hardware = STILL): Truth & { readonly countedJ: number } {
  const machine = machineOf(load, hardware);
  machine.goOn();
  machine.takeTruth();
  const countedJ = sum(machine.goOn().countedJ);
  return { ...machine.takeTruth(), countedJ };
}

describe('a simulated package', () => {
  // At 1.25 times the nominal frequency, where nothing slows cores down.
  const voltage = 0.65 + 0.35 * 1.25;
  const coreW = 0.4 * voltage + 0.16 * 2.5 * 1.25 * voltage ** 2;
  const spinW = (0.09 * 2.5 * 1.25 * voltage ** 2) / 0.9;

  it('lets a task pay for its core and its instructions, and nobody for what is static', () => {
    const { tasksJ, sharedJ, idleJ } = watts(spin);
    expect(tasksJ[1]).toBeCloseTo(coreW + spinW, 6);
    expect(sharedJ).toBeCloseTo(2 + 2 * 0.25, 3);
    // The other core sleeps.
    expect(idleJ).toBeCloseTo(0.02, 6);
  });

  it('draws half of what is static while all of its cores idle', () => {
    const { tasksJ, sharedJ, idleJ } = watts(nothing);
    expect(sum(tasksJ)).toBe(0);
    expect(sharedJ).toBeCloseTo((2 + 2 * 0.25) / 2, 3);
    expect(idleJ).toBeCloseTo(2 * 0.02, 6);
  });

  it('lets two threads of a core share it, and slow each other down', () => {
    const { tasksJ } = watts(beside);
    const pace = 1 - (0.9 * 0.9) / 2;
    expect(tasksJ[1]).toBeCloseTo(coreW / 2 + pace * spinW, 6);
    expect(tasksJ[2]).toBeCloseTo(tasksJ[1]!, 9);
  });

  it('slows all cores down the more of them are active', () => {
    const busy = watts(({ tasks }) => {
      const task = tasks.create({ comm: 'spin', profile: 'spin', cgroup: 1, changes: { swing: 0 } });
      return () => ({ task, ns: 10 * MS });
    }, hardwareOf('noise=0,hidden=0,uncore-noise=0'));
    const alone = watts(spin, hardwareOf('noise=0,hidden=0,uncore-noise=0'));
    // Four threads on two cores at a frequency of 0.9, less than twice as much as one alone.
    expect(busy.tasksJ[1]! / alone.tasksJ[1]!).toBeLessThan(1.7);
    expect(busy.tasksJ[1]! / alone.tasksJ[1]!).toBeGreaterThan(1.2);
  });

  it('draws more where the uncore is another one, which is nobody’s', () => {
    const world = hardwareOf('uncore=2,noise=0,hidden=0,uncore-noise=0')!;
    expect(watts(nothing, world).sharedJ).toBeCloseTo(2 + 2 * 0.25, 3);
  });
});

describe('the time when any core runs', () => {
  it('is counted once, however many do', () => {
    expect(overlap([0, 5, 20], [10, 12, 30])).toBe(22);
    expect(overlap([0, 10], [10, 20])).toBe(20);
    expect(overlap([], [])).toBe(0);
  });
});

describe('a world', () => {
  it('is the ordinary one, but for what is named', () => {
    expect(hardwareOf('')).toEqual(PACKAGE);
    expect(hardwareOf('late=60,irq=0.06')).toEqual({ ...PACKAGE, lateNs: 60_000, interrupts: 0.06 });
  });

  it.each(['dark', 'late', 'late=', 'late=-1', 'late=many', 'toString=1'])(
    'that makes no sense is none: %s',
    (world) => expect(hardwareOf(world)).toBeUndefined(),
  );
});

describe.each(Object.keys(LOADS))('a machine with the load %s', (name) => {
  it.each([
    [4, 1],
    [32, 2],
  ])(
    'of %i threads in %i packages counts what its parts used, and is in order on each CPU',
    (threads, packages) => {
      const hardware = hardwareFor(name, PACKAGE);
      const machine = machineOf(LOADS[name]!, hardware, threads, packages);
      const { records, countedJ, tasks } = machine.goOn();
      const { tasksJ, sharedJ, idleJ } = machine.takeTruth();
      expect(tasks).toHaveLength(machine.tasks.length - 1);
      expect(countedJ).toHaveLength(packages);
      // What the counters have not counted yet is a ms of a second at most, and noise is small.
      const counted = sum(countedJ) / (sum(tasksJ) + sharedJ + idleJ);
      expect(counted).toBeGreaterThan(0.997);
      expect(counted).toBeLessThan(1.001);

      const last = new Float64Array(threads);
      const running = new Int32Array(threads);
      const edges = new Float64Array(packages);
      let faults = 0;
      for (const { kind, cpu, timeNs, value } of unpackRecords(records)) {
        if (kind === KIND.edge) {
          if (timeNs < edges[cpu]!) faults++;
          edges[cpu] = timeNs;
          continue;
        }
        if (timeNs < last[cpu]!) faults++;
        last[cpu] = timeNs;
        if (kind === KIND.switch) {
          if (value === running[cpu] || (value > 0 && machine.tasks[value]!.startNs > timeNs + 0.1 * MS))
            faults++;
          running[cpu] = value;
        }
        if (kind === KIND.tick && running[cpu] === IDLE) faults++;
      }
      expect(faults).toBe(0);
      expect(Math.min(...last)).toBeGreaterThan(SEC - 0.1 * MS);
    },
  );
});
