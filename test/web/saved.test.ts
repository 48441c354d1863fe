// SPDX-License-Identifier: Apache-2.0
import { FrameMaker } from '../../src/web/server/frames.ts';
import { heatOf } from '../../src/web/shared/heat.ts';
import { itemsOf, type By } from '../../src/web/shared/items.ts';
import { asCsv, asJson, type Seen } from '../../src/web/shared/saved.ts';
import { Store } from '../../src/web/shared/store.ts';
import type { Frame } from '../../src/web/shared/wire.ts';
import { snapshotOf } from '../support/snapshots.ts';

function seen(by: By): Seen {
  const maker = new FrameMaker({ namesProcesses: true });
  const store = new Store();
  const hello = {
    version: 1,
    instance: 'a',
    host: 'node-7',
    agent: '0',
    interval: 1000,
    history: 900_000,
    isRecording: false,
    source: { name: 'power_core', kind: 'measured', scope: 'core', reference: null },
    names: { rows: [], groups: [], cores: [], gone: [] },
  } as const;
  store.greet(hello);
  const processes = [
    { pid: 1, executable: '=HYPERLINK("x")', cgroup: '/a', energy_j: 2, energy_err_j: 0.5, cpu_time_s: 0.25 },
    { pid: 2, executable: 'a,b\r\n"c"', cgroup: '/b', energy_j: 1, energy_err_j: 0.1, exited: true },
  ];
  store.add(maker.add(snapshotOf({ processes, idle: 3, gap: 1 }))!);
  const shown = store.shown(undefined)!;
  const choice = { by, find: '', zoom: undefined };
  return { shown, hello, choice, items: itemsOf(store.dictionary, shown, choice) };
}

describe('what the page saves', () => {
  it('is what is seen, in SI units, as JSON', () => {
    expect(JSON.parse(asJson(seen('process')))).toEqual({
      schema: 'joules.page/1',
      host: 'node-7',
      from: '2025-12-31T23:59:59.000Z',
      to: '2026-01-01T00:00:00.000Z',
      seconds: 1,
      source: { name: 'power_core', kind: 'measured', scope: 'core', reference: null },
      totals: { counter_j: 7, process_j: 3, idle_j: 3 },
      unattributed: { shared_j: 0, gap_j: 1, lost_j: 0 },
      by: 'process',
      find: '',
      within: null,
      rows: [
        {
          name: '=HYPERLINK("x")',
          pid: 1,
          creation_time: '2026-01-01T00:00:00.000Z',
          cgroup: '/a',
          container_id: null,
          energy_j: 2,
          energy_err_j: 0.5,
          power_w: 2,
          cpu_time_s: 0.25,
          processes: 1,
          ended: 0,
        },
        {
          name: 'a,b\r\n"c"',
          pid: null,
          creation_time: null,
          cgroup: '/b',
          container_id: null,
          energy_j: 1,
          energy_err_j: 0.1,
          power_w: 1,
          cpu_time_s: 0,
          processes: 0,
          ended: 1,
        },
      ],
    });
  });

  it('is a CSV that no spreadsheet runs', () => {
    const common = 'node-7,2025-12-31T23:59:59.000Z,2026-01-01T00:00:00.000Z,measured';
    expect(asCsv(seen('program')).split('\r\n').slice(0, 2)).toEqual([
      'host,from,to,kind,name,energy_j,energy_err_j,power_w,cpu_time_s,processes,ended',
      `${common},"'=HYPERLINK(""x"")",2,0.5,2,0.25,1,0`,
    ]);
    expect(asCsv(seen('program'))).toContain(`${common},"a,b\r\n""c""",1,0.1,1,0,0,1\r\n`);
  });
});

describe('the cores', () => {
  const frame = (time: number, ms: number, active: number): Frame => ({
    time,
    ms,
    ledger: { process: 0, idle: 0, shared: 0, gap: 0, lost: 0 },
    cores: [7, (active + 1) * ms * 1000, ms * 1000, 9, ms * 1000, ms * 1000],
    groups: [],
    self: [0, 0, 0],
  });

  it('have the watts of their processes in each column that a frame was in', () => {
    const frames = [frame(10_000, 10_000, 4), frame(20_000, 10_000, 2)];
    const { columns, stepMs, watts, highest } = heatOf(frames, [7, 9], { from: 0, to: 20_000 }, 100);
    expect([columns, stepMs]).toEqual([20, 1000]);
    const core = watts.slice(0, 20);
    core.forEach((value, i) => expect(value).toBeCloseTo(i < 10 ? 4 : 2));
    expect(watts.slice(20).every((value) => Math.abs(value) < 1e-9)).toBe(true);
    expect(highest).toBeCloseTo(4);
  });

  it('have nothing where nothing is known', () => {
    const frames = [frame(2000, 1000, 1), frame(6000, 1000, 1)];
    const { watts } = heatOf(frames, [7, 9], { from: 1000, to: 6000 }, 100);
    expect(Array.from(watts.slice(0, 5), Number.isNaN)).toEqual([false, true, true, true, false]);
  });
});
