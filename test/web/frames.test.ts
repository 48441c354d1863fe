// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../../src/model/snapshot.ts';
import { FrameMaker } from '../../src/web/server/frames.ts';
import type { Frame, RowName } from '../../src/web/shared/wire.ts';
import { recording } from '../support/recording.ts';
import { snapshotOf } from '../support/snapshots.ts';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const everySecond = (values: readonly number[]): number[] => values.filter((_, i) => i % 2 === 1);

function framesOf(
  snapshots: readonly Snapshot[],
  namesProcesses = true,
): { frames: Frame[]; maker: FrameMaker } {
  const maker = new FrameMaker({ namesProcesses });
  const frames = snapshots.map((snapshot) => maker.add(snapshot)).filter((frame) => frame !== undefined);
  return { frames, maker };
}

/** Rows of a frame by what they stand for. */
function rowsOf(frame: Frame, { dictionary }: FrameMaker): (RowName & { energy: number; count: number })[] {
  const { id, energy, count } = frame.rows!;
  return id.map((row, i) => ({ ...dictionary.rows.get(row)!, energy: energy[i]!, count: count[i]! }));
}

describe('a frame of the page', () => {
  const snapshots = recording();

  it('has the Joules of its snapshot, to the microjoule, and closes exactly', () => {
    const { frames } = framesOf(snapshots);
    expect(frames).toHaveLength(snapshots.filter(({ interval_s }) => interval_s >= 0.95).length);
    const byTime = new Map(snapshots.map((snapshot) => [Date.parse(snapshot.time), snapshot]));
    let alone = 0;
    frames.forEach((frame, i) => {
      // Where an interval was short, its frame has two of them.
      if (i > 0 && frame.ms > 1.5 * frames[i - 1]!.ms) return;
      const { totals, interval_s } = byTime.get(frame.time)!;
      if (Math.abs(frame.ms - interval_s * 1000) > 0.01) return;
      alone++;
      expect(frame.ledger.process).toBe(sum(frame.rows!.energy));
      expect(frame.ledger.process).toBe(sum(everySecond(frame.groups)));
      expect(Math.abs(frame.ledger.process - totals.process_j * 1e6)).toBeLessThanOrEqual(1);
      expect(Math.abs(sum(Object.values(frame.ledger)) - totals.counter_j * 1e6)).toBeLessThanOrEqual(3);
    });
    expect(alone).toBeGreaterThan(150);
  });

  it('has all Joules of a recording once, however they are gathered', () => {
    const { frames } = framesOf(snapshots);
    const counted = sum(snapshots.map(({ totals }) => totals.counter_j));
    const told = sum(frames.map(({ ledger }) => sum(Object.values(ledger)))) / 1e6;
    expect(Math.abs(told - counted)).toBeLessThan(1e-3);
  });

  it('names each process with what it used', () => {
    const { frames, maker } = framesOf(snapshots.slice(3, 4).map((one) => ({ ...one, interval_s: 1 })));
    const [snapshot] = snapshots.slice(3, 4);
    const rows = rowsOf(frames[0]!, maker);
    for (const process of snapshot!.processes.filter(({ exited }) => !exited)) {
      const row = rows.find(({ pid }) => pid === process.pid)!;
      expect(row).toMatchObject({ program: process.executable, created: process.creation_time });
      expect(Math.abs(row.energy - process.energy_j * 1e6)).toBeLessThanOrEqual(1);
    }
  });

  it('folds 30,000 ended processes by program and cgroup', () => {
    const ended = Array.from({ length: 30_000 }, (_, i) => ({
      pid: 100_000 + i,
      executable: `tool-${i % 12}`,
      cgroup: `/build/${i % 5}`,
      energy_j: 1e-4,
      exited: true,
    }));
    const { frames, maker } = framesOf([snapshotOf({ processes: ended })]);
    const rows = rowsOf(frames[0]!, maker);
    expect(rows.length).toBeLessThanOrEqual(100);
    expect(rows.every(({ kind, pid }) => kind === 'ended' && pid === null)).toBe(true);
    expect(sum(rows.map(({ count }) => count))).toBe(30_000);
    expect(sum(rows.map(({ energy }) => energy))).toBe(3_000_000);
  });

  it('has 3,000 rows at most, and the rest of each cgroup in one of it', () => {
    const processes = Array.from({ length: 5000 }, (_, i) => ({
      pid: i + 1,
      executable: 'worker',
      cgroup: `/jobs/${i % 4}`,
      energy_j: 1e-3 * (1 + i / 5000),
    }));
    const { frames, maker } = framesOf([snapshotOf({ processes })]);
    const rows = rowsOf(frames[0]!, maker);
    expect(rows).toHaveLength(3004);
    const rest = rows.filter(({ kind }) => kind === 'rest');
    expect(sum(rest.map(({ count }) => count))).toBe(2000);
    expect(frames[0]!.ledger.process).toBe(sum(rows.map(({ energy }) => energy)));
    expect(frames[0]!.groups).toHaveLength(8);
  });

  it('has nothing of an interval in which no counter told anything: there is a gap, and not a zero', () => {
    const maker = new FrameMaker({ namesProcesses: true });
    const known = snapshotOf({ processes: [{ pid: 7, energy_j: 2 }] });
    expect(maker.add({ ...known, zones: [] })).toBeUndefined();
    expect(maker.add(known)).toMatchObject({ ms: 1000, ledger: { process: 2e6 } });
    maker.add({ ...known, interval_s: 0.4 });
    expect(maker.add({ ...known, zones: [] })).toMatchObject({ ms: 400 });
    expect(maker.rest()).toBeUndefined();
  });

  it('covers a second at least: who looks learns no more than who scrapes', () => {
    const maker = new FrameMaker({ namesProcesses: true });
    const short = (at: number): Snapshot => ({
      ...snapshotOf({ processes: [{ pid: 7, energy_j: 0.1 }] }),
      interval_s: 0.1,
      time: new Date(at).toISOString(),
    });
    const frames = Array.from({ length: 40 }, (_, i) => maker.add(short(1e12 + i * 100))).filter(Boolean);
    expect(frames).toHaveLength(4);
    expect(frames[0]!.ms).toBeCloseTo(1000);
    expect(frames[0]!.rows).toMatchObject({ energy: [1_000_000], count: [1] });
    expect(frames[0]!.ledger.process).toBe(1_000_000);
  });

  it('tells no process apart where none has a series of its own', () => {
    const { frames, maker } = framesOf(snapshots.slice(0, 60), false);
    const rows = frames.flatMap((frame) => rowsOf(frame, maker));
    expect(rows.every(({ pid, created }) => pid === null && created === null)).toBe(true);
    const named = JSON.stringify(frames.map(({ names }) => names));
    const pids = snapshots
      .slice(0, 60)
      .flatMap(({ processes }) => processes.map(({ creation_time }) => creation_time));
    expect(pids.filter((created) => created !== null && named.includes(created))).toEqual([]);
  });

  it('takes a pid that is used again, and a program that became another, for another row', () => {
    const spec = (executable: string, creation_time: string): Snapshot =>
      snapshotOf({ processes: [{ pid: 5, executable, creation_time, energy_j: 1 }] });
    const { frames } = framesOf([
      spec('sh', '2026-01-01T00:00:00.000Z'),
      spec('sh', '2026-01-01T00:00:00.000Z'),
      spec('make', '2026-01-01T00:00:00.000Z'),
      spec('make', '2026-01-02T00:00:00.000Z'),
    ]);
    const ids = frames.map(({ rows }) => rows!.id[0]);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(3);
  });

  it('keeps the rows of a frame bounded, however many snapshots it has', () => {
    const maker = new FrameMaker({ namesProcesses: true, leastMs: 100_000 });
    let frame: Frame | undefined;
    let most = 0;
    for (let second = 0; second < 100; second++) {
      const processes = Array.from({ length: 2000 }, (_, i) => ({
        pid: i + 2,
        creation_time: new Date(1e12 + second * 1000).toISOString(),
        executable: 'worker',
        energy_j: i === 0 ? 1 : 1e-3,
      }));
      frame = maker.add({ ...snapshotOf({ processes }), interval_s: 1 });
      most = Math.max(most, maker.dictionary.rows.size);
    }
    expect(most).toBeLessThan(40_000);
    expect(frame!.names!.rows.length).toBeLessThan(40_000);
    const rows = rowsOf(frame!, maker);
    expect(rows.length).toBeLessThanOrEqual(3001);
    // The largest of each second are there, and all Joules.
    expect(rows.filter(({ energy }) => energy === 1_000_000)).toHaveLength(100);
    expect(frame!.ledger.process).toBe(100 * (1_000_000 + 1999 * 1000));
  });

  it('numbers anew what was forgotten since it had no row', () => {
    const maker = new FrameMaker({ namesProcesses: true });
    const processes = Array.from({ length: 4000 }, (_, i) => ({ pid: i + 1, energy_j: 1 + (i + 1) / 1e4 }));
    const snapshot = snapshotOf({ processes });
    const first = maker.add(snapshot)!;
    maker.dictionary.keep(new Set([...first.rows!.id, ...first.groups]));
    const reversed = processes.map((one) => ({ ...one, energy_j: 2 - one.energy_j / 2 }));
    const second = maker.add(snapshotOf({ processes: reversed }))!;
    const named = rowsOf(second, maker).filter(({ kind }) => kind === 'process');
    expect(named.some(({ pid }) => pid === 1)).toBe(true);
    expect(named).toHaveLength(3000);
  });
});
