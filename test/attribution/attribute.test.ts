// SPDX-License-Identifier: Apache-2.0
import { attribute, type Charges } from '../../src/attribution/attribute.ts';
import { NO_PROCESS } from '../../src/probe/columns.ts';
import type { Reading } from '../../src/model/reading.ts';
import type { EstimatedSource, PolledSource, SwitchedSource } from '../../src/model/source.ts';
import { sum } from '../../src/util/sum.ts';
import { columnsOf, type RowSpec } from '../support/columns.ts';

const EVENT = { type: 9, config: 1n, config1: 0n, config2: 0n };
const CORES = [
  { id: '0:0', package: '0', cpus: [0, 2] },
  { id: '0:1', package: '0', cpus: [1, 3] },
];
const perCore: SwitchedSource = {
  name: 'power_core',
  scope: 'core',
  domain: 'cpu',
  reader: 'bpf',
  kind: 'measured',
  event: EVENT,
  joulesPerCount: 0.001,
  idlePays: false,
  maxWatts: 0,
  auxiliary: [],
  zones: CORES.map((core) => ({ id: `core:${core.id}`, cpus: core.cpus, lead: core.cpus[0]! })),
};
const perPackage: PolledSource = {
  name: 'power',
  scope: 'package',
  domain: 'cpu',
  reader: 'user',
  kind: 'apportioned',
  counters: [],
  idleWeight: 1,
  auxiliary: [],
  zones: [
    { id: 'package:0', cpus: [0, 1], lead: 0 },
    { id: 'package:1', cpus: [2, 3], lead: 2 },
  ],
};
const estimated: EstimatedSource = {
  name: 'estimated',
  scope: 'cpu',
  domain: 'cpu',
  reader: 'none',
  kind: 'estimated',
  watts: { idle: 1, busy: 5, reference: 'a test', covers: 'cpu', digits: 4 },
  auxiliary: [],
  zones: [0, 1, 2, 3].map((cpu) => ({ id: `cpu:${cpu}`, cpus: [cpu], lead: cpu })),
};

/** What user space read of the zones of `perPackage`, J; undefined: nothing. */
function read(joules: (number | undefined)[], late = false): Map<string, Reading> {
  return new Map(
    joules.map((one, i) => [
      `package:${i}`,
      one === undefined
        ? { kind: 'unknown', broken: false }
        : { kind: late ? 'gap' : 'known', joules: one, broken: false },
    ]),
  );
}

/** The equation that everything else rests on. */
function expectClosed({ zones, processes, unidentified, cgroups, processJoules }: Charges): void {
  const counted = sum(zones.map((zone) => zone.joules));
  const unattributed = sum(
    zones.map((zone) => zone.idleJoules + zone.gapJoules + zone.lostJoules + zone.sharedJoules),
  );
  expect(processJoules + unattributed).toBeCloseTo(counted, 9);
  const used = sum(processes.map(({ joules }) => joules)) + (unidentified?.joules ?? 0);
  expect(used).toBeCloseTo(processJoules, 9);
  expect(sum(cgroups.map(({ joules }) => joules))).toBeCloseTo(processJoules, 9);
}

describe('attribute', () => {
  it('says nothing of cores and counters whose CPUs were all offline', () => {
    const columns = columnsOf({
      rows: [{ cpu: 0, pid: 7, ms: 600, counts: 2000 }],
      cpus: [{ cpu: 0, counts: 2000 }],
    });
    const { zones, cores } = attribute(columns, perCore, CORES);
    expect(zones.map(({ id }) => id)).toEqual(['core:0:0']);
    expect(cores.map(({ id }) => id)).toEqual(['0:0']);
  });

  it('knows a counter that counted while none of its rows is there, and leaves out a CPU of no counter', () => {
    const columns = columnsOf({
      rows: [{ cpu: 9, pid: 7, ms: 600, counts: 100 }],
      cpus: [
        { cpu: 0, gap: 30 },
        { cpu: 9, counts: 100 },
      ],
    });
    const charges = attribute(columns, perCore, CORES);
    expect(charges.zones).toMatchObject([{ id: 'core:0:0', joules: 0.03, gapJoules: 0.03 }]);
    expect(charges.cores).toEqual([]);
    expectClosed(charges);
  });

  it('charges nothing where a counter counted nothing and nobody ran for a measurable time', () => {
    const columns = columnsOf({ rows: [{ cpu: 0, pid: 7, ms: 0 }] });
    const charges = attribute(columns, perPackage, CORES, read([0]));
    expect(charges.processes).toMatchObject([{ pid: 7, joules: 0 }]);
    expectClosed(charges);
  });

  it('turns counts into Joules and closes, gaps and losses included', () => {
    const charges = attribute(
      columnsOf({
        rows: [
          { cpu: 0, pid: 0, ms: 400, counts: 400 },
          { cpu: 0, pid: 7, ms: 600, counts: 2000 },
          { cpu: 3, pid: 8, ms: 500, counts: 1500 },
        ],
        cpus: [
          { cpu: 0, counts: 2410, gap: 30, lost: 10 },
          { cpu: 3, counts: 1500 },
        ],
      }),
      perCore,
      CORES,
    );
    expectClosed(charges);
    expect(charges.zones).toEqual([
      {
        id: 'core:0:0',
        joules: expect.closeTo(2.44),
        idleJoules: 0.4,
        gapJoules: 0.03,
        lostJoules: 0.01,
        sharedJoules: 0,
        // BPF read the counter when it moved.
        attribution: null,
      },
      {
        id: 'core:0:1',
        joules: 1.5,
        idleJoules: 0,
        gapJoules: 0,
        lostJoules: 0,
        sharedJoules: 0,
        attribution: null,
      },
    ]);
    expect(charges.cores.map(({ id, joules, idleJoules }) => [id, joules, idleJoules])).toEqual([
      ['0:0', 2.4, 0.4],
      ['0:1', 1.5, 0],
    ]);
  });

  it('says as lost what the kernel counted and no row has', () => {
    const charges = attribute(
      columnsOf({
        rows: [{ cpu: 0, pid: 7, ms: 600, counts: 2000 }],
        cpus: [{ cpu: 0, counts: 2005, lost: 2, residual: 3 }],
      }),
      perCore,
      CORES,
    );
    expectClosed(charges);
    expect(charges.zones).toMatchObject([{ joules: 2.005, lostJoules: 0.005 }]);
  });

  it('adds a process up over CPUs and cgroups, and keeps reused pids apart', () => {
    const { processes, cgroups } = attribute(
      columnsOf({
        rows: [
          { cpu: 0, pid: 7, start: 1, cgroup: 40, ms: 10, counts: 10, comm: 'sh' },
          { cpu: 1, pid: 7, start: 1, cgroup: 41, ms: 90, counts: 20, comm: 'make' },
          { cpu: 1, pid: 7, start: 2, cgroup: 40, ms: 5, counts: 4 },
        ],
        cpus: [
          { cpu: 0, counts: 10 },
          { cpu: 1, counts: 24 },
        ],
      }),
      perCore,
      CORES,
    );
    expect(processes).toEqual([
      {
        pid: 7,
        startNs: 1,
        index: 0,
        cgroup: 41,
        joules: 0.03,
        uncertainJoules: 0,
        seconds: expect.closeTo(0.1),
      },
      { pid: 7, startNs: 2, index: 1, cgroup: 40, joules: 0.004, uncertainJoules: 0, seconds: 0.005 },
    ]);
    expect(cgroups.map(({ id, joules }) => [id, joules])).toEqual([
      [40, expect.closeTo(0.014)],
      [41, 0.02],
    ]);
  });

  it('keeps what is known by its cgroup alone in its cgroup, and of no process', () => {
    const charges = attribute(
      columnsOf({
        rows: [
          { cpu: 0, pid: NO_PROCESS, cgroup: 40, ms: 1, counts: 9, uncertain: 2 },
          { cpu: 0, pid: NO_PROCESS, cgroup: 41, ms: 2, counts: 5, uncertain: 1 },
          { cpu: 0, pid: NO_PROCESS, cgroup: 40, ms: 3, counts: 1 },
        ],
        cpus: [{ cpu: 0, counts: 15 }],
      }),
      perCore,
      CORES,
    );
    expectClosed(charges);
    expect(charges.processes).toEqual([]);
    expect(charges.unidentified).toEqual({
      joules: expect.closeTo(0.015),
      uncertainJoules: expect.closeTo(0.003),
      seconds: expect.closeTo(0.006),
    });
    expect(charges.cgroups.map(({ id, joules, seconds }) => [id, joules, seconds])).toEqual([
      [40, expect.closeTo(0.01), expect.closeTo(0.004)],
      [41, expect.closeTo(0.005), expect.closeTo(0.002)],
    ]);
  });

  it('tells apart that nothing was lost and that what was lost used nothing', () => {
    const lost = (pid: number): Charges['unidentified'] =>
      attribute(columnsOf({ rows: [{ cpu: 0, pid, ms: 1 }] }), perPackage, CORES).unidentified;
    expect(lost(7)).toBeNull();
    expect(lost(NO_PROCESS)).toEqual({ joules: 0, uncertainJoules: null, seconds: 0.001 });
  });

  it('splits a polled counter over the run time of its own CPUs', () => {
    const rows: RowSpec[] = [
      { cpu: 0, pid: 0, ms: 500 },
      { cpu: 0, pid: 7, ms: 500 },
      { cpu: 1, pid: 8, ms: 1000 },
      { cpu: 2, pid: 9, ms: 1000 },
      { cpu: 3, pid: 0, ms: 1000 },
    ];
    const charges = attribute(columnsOf({ rows }), perPackage, CORES, read([40, 20]));
    expectClosed(charges);
    expect(charges.processes.map(({ pid, joules }) => [pid, joules])).toEqual([
      [7, expect.closeTo(10)],
      [8, expect.closeTo(20)],
      [9, expect.closeTo(10)],
    ]);
    expect(charges.zones.map(({ joules, idleJoules }) => [joules, idleJoules])).toEqual([
      [40, expect.closeTo(10)],
      [20, expect.closeTo(10)],
    ]);
  });

  it('lets idle time pay by its weight', () => {
    const rows: RowSpec[] = [
      { cpu: 0, pid: 0, ms: 800 },
      { cpu: 0, pid: 7, ms: 200 },
    ];
    const perCoreRegister = { ...perPackage, idleWeight: 1 / 32 };
    const charges = attribute(columnsOf({ rows }), perCoreRegister, CORES, read([9, 0]));
    expectClosed(charges);
    // 200 ms of the task against 800/32 = 25 ms of idle.
    expect(charges.zones[0]).toMatchObject({ joules: 9, idleJoules: expect.closeTo(1) });
    expect(charges.processes[0]!.joules).toBeCloseTo(8);
  });

  it('gives what a polled counter counted over a gap to nobody', () => {
    const rows: RowSpec[] = [{ cpu: 0, pid: 7, ms: 1000 }];
    const failed = attribute(columnsOf({ rows }), perPackage, CORES, read([undefined, 0]));
    expectClosed(failed);
    // Unknown is no figure.
    expect(failed.zones.map(({ id }) => id)).toEqual(['package:1']);
    const after = attribute(columnsOf({ rows }), perPackage, CORES, read([50, 0], true));
    expectClosed(after);
    expect(after.zones[0]).toMatchObject({ joules: 50, gapJoules: 50 });
    expect(after.processJoules).toBe(0);
  });

  it('estimates by idle and busy time', () => {
    const charges = attribute(
      columnsOf({
        rows: [
          { cpu: 0, pid: 0, ms: 250 },
          { cpu: 0, pid: 7, ms: 750 },
        ],
      }),
      estimated,
      CORES,
    );
    expectClosed(charges);
    expect(charges.zones[0]).toMatchObject({ joules: 4, idleJoules: 0.25 });
    expect(charges.processes[0]!.joules).toBeCloseTo(3.75);
  });

  it('charges nothing on a CPU that has no counter yet, and closes', () => {
    const rows: RowSpec[] = [
      { cpu: 0, pid: 7, ms: 1000 },
      { cpu: 99, pid: 7, ms: 1000 },
      { cpu: 99, pid: 0, ms: 500 },
    ];
    const columns = columnsOf({ rows, cpus: [{ cpu: 0 }, { cpu: 99 }] });
    for (const source of [perCore, perPackage, estimated]) {
      expectClosed(attribute(columns, source, CORES, read([3, 0])));
    }
    expect(attribute(columns, estimated, CORES).processes[0]!.seconds).toBeCloseTo(2);
  });

  it('closes whatever was recorded', () => {
    let seed = 12345;
    const random = (below: number): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % below;
    for (let round = 0; round < 50; round++) {
      const rows = Array.from({ length: 200 }, () => ({
        cpu: random(4),
        pid: random(9),
        start: random(2),
        cgroup: random(5),
        ms: random(100) + 1,
        counts: random(1_000_000),
      }));
      const cpus = [0, 1, 2, 3].map((cpu) => {
        const lost = random(1000);
        const charged = sum(rows.filter((row) => row.cpu === cpu).map((row) => row.counts));
        return { cpu, lost, gap: random(1000), counts: charged + lost };
      });
      const readings = read([random(1e3), random(1e3)]);
      const columns = columnsOf({ rows, cpus });
      for (const source of [perCore, perPackage, estimated]) {
        const charges = attribute(columns, source, CORES, readings);
        const counted = sum(charges.zones.map((zone) => zone.joules));
        const rest = sum(charges.zones.map((zone) => zone.idleJoules + zone.gapJoules + zone.lostJoules));
        expect(Math.abs(charges.processJoules + rest - counted)).toBeLessThan(counted * 1e-9);
      }
    }
  });

  it('adds up how uncertain the rows of a process are, and says nothing where no powers are learned', () => {
    const rows = [
      { cpu: 0, pid: 7, ms: 10, counts: 40, uncertain: 3 },
      { cpu: 1, pid: 7, ms: 10, counts: 20, uncertain: 1.5 },
      { cpu: 1, pid: 8, ms: 10, counts: 20 },
    ];
    const columns = columnsOf({
      rows,
      cpus: [
        { cpu: 0, counts: 40 },
        { cpu: 1, counts: 40 },
      ],
    });
    const errors = attribute(columns, perCore, CORES).processes.map(({ uncertainJoules }) => uncertainJoules);
    expect(errors[0]).toBeCloseTo(0.0045, 12);
    expect(errors[1]).toBe(0);
    const unknown = attribute(columns, estimated, CORES).processes;
    expect(unknown.map(({ uncertainJoules }) => uncertainJoules)).toEqual([null, null]);
  });
});

describe('a CPU that sysfs hides', () => {
  const HIDDEN = { id: 'cpu:9', cpus: [9], lead: 9, hidden: true } as const;
  const columns = columnsOf({
    rows: [
      { cpu: 0, pid: 1, ms: 100, counts: 2000 },
      { cpu: 9, pid: 2, ms: 50, counts: 700 },
      { cpu: 9, pid: 0, ms: 50, counts: 300 },
    ],
    cpus: [
      { cpu: 0, counts: 2000 },
      { cpu: 9, counts: 1000 },
    ],
  });
  const figures = ({ zones }: Charges): unknown[] =>
    zones.map(({ id, joules, idleJoules, gapJoules }) => [id, joules, idleJoules, gapJoules]);
  const joulesOf = ({ processes }: Charges): unknown[] => processes.map(({ pid, joules }) => [pid, joules]);

  it('has what its counter counted as a gap', () => {
    const charges = attribute(columns, { ...perCore, zones: [...perCore.zones, HIDDEN] }, CORES);
    expect(figures(charges)).toEqual([
      ['core:0:0', 2, 0, 0],
      ['cpu:9', 1, 0, 1],
    ]);
    expect(joulesOf(charges)).toEqual([
      [1, 2],
      [2, 0],
    ]);
  });

  it('has what a model says as a gap', () => {
    const charges = attribute(columns, { ...estimated, zones: [...estimated.zones, HIDDEN] }, CORES);
    expect(figures(charges)).toEqual([
      ['cpu:0', 0.5, 0, 0],
      ['cpu:9', 0.3, 0, 0.3],
    ]);
  });

  it('is a gap of each package, as large as it would be charged there', () => {
    const source = { ...perPackage, zones: [...perPackage.zones.slice(0, 1), HIDDEN] };
    const charges = attribute(columns, source, CORES, read([10]));
    expect(figures(charges)).toEqual([['package:0', 10, 0, 5]]);
    expect(joulesOf(charges)).toEqual([
      [1, 5],
      [2, 0],
    ]);
  });
});
