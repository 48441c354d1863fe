// SPDX-License-Identifier: Apache-2.0
import type { Snapshot } from '../../src/model/snapshot.ts';
import { FrameMaker } from '../../src/web/server/frames.ts';
import { History } from '../../src/web/shared/history.ts';
import { framesIn, stepsOf } from '../../src/web/shared/shown.ts';
import { Store } from '../../src/web/shared/store.ts';
import { layOut, treeOf } from '../../src/web/shared/tree.ts';
import { itemsOf } from '../../src/web/shared/items.ts';
import { columnsOf, Owners } from '../../src/web/shared/columns.ts';
import type { Frame, Hello } from '../../src/web/shared/wire.ts';
import { endingAt, recording } from '../support/recording.ts';
import { snapshotOf } from '../support/snapshots.ts';

const END = Date.parse('2026-06-01T12:00:00.000Z');
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

const HELLO: Hello = {
  version: 1,
  instance: 'a',
  host: 'node-7',
  agent: '0',
  interval: 1000,
  history: 900_000,
  isRecording: false,
  source: { name: 'estimated', kind: 'estimated', scope: 'cpu', reference: null },
  names: { rows: [], groups: [], cores: [], gone: [] },
};

/** Each frame as the stream has it. */
function toldFrames(
  snapshots: readonly Snapshot[],
  maker = new FrameMaker({ namesProcesses: true }),
): Frame[] {
  const frames = snapshots.map((snapshot) => maker.add(snapshot)).filter((frame) => frame !== undefined);
  return JSON.parse(JSON.stringify(frames)) as Frame[];
}

function storeOf(snapshots: readonly Snapshot[], hello = HELLO): Store {
  const store = new Store();
  store.greet(hello);
  for (const frame of toldFrames(snapshots)) store.add(frame);
  return store;
}

/** Joules that snapshots of a time have, by executable. */
function joulesBy(snapshots: readonly Snapshot[], from: number, to: number): Map<string, number> {
  const joules = new Map<string, number>();
  for (const { time, processes } of snapshots) {
    if (Date.parse(time) <= from || Date.parse(time) > to) continue;
    for (const { executable, energy_j, kernel } of processes) {
      const name = kernel ? '(kernel)' : executable;
      joules.set(name, (joules.get(name) ?? 0) + energy_j);
    }
  }
  return joules;
}

// Twice the recording: more than six minutes.
const long = endingAt([...recording(), ...recording()], END).map((one) => ({
  ...one,
  interval_s: Math.max(one.interval_s, 0.96),
}));
const snapshots = endingAt(long, END);

describe('what a page knows', () => {
  const store = storeOf(snapshots);
  const now = store.shown(undefined)!;

  it('is the mean of five intervals now, for every figure', () => {
    const last = snapshots.slice(-5);
    expect(now.ms).toBeCloseTo(sum(last.map(({ interval_s }) => interval_s * 1000)), 0);
    const total = sum(last.map(({ totals }) => totals.counter_j));
    expect(Math.abs(now.total / 1e6 - total)).toBeLessThan(1e-4);
    expect(sum([...now.rows.values()].map(({ energy }) => energy))).toBe(now.ledger.process);
  });

  it.each(['process', 'program', 'container'] as const)('closes to the ledger by %s', (by) => {
    const items = itemsOf(store.dictionary, now, { by, find: '', zoom: undefined });
    expect(sum(items.map(({ energy }) => energy))).toBe(now.ledger.process);
    expect(sum(items.map(({ longer }) => longer))).toBe(
      sum([...now.longer.rows.values()].map(({ energy }) => energy)),
    );
  });

  it('is what the snapshots have, by program', () => {
    const items = itemsOf(store.dictionary, now, { by: 'program', find: '', zoom: undefined });
    const joules = joulesBy(snapshots.slice(-5), 0, END);
    for (const item of items)
      expect(Math.abs(item.energy / 1e6 - (joules.get(item.label) ?? 0))).toBeLessThan(1e-3);
    expect(items.filter(({ energy }) => energy > 0).length).toBe(
      [...joules.values()].filter((one) => one > 0).length,
    );
  });

  it('is found by words of names, pids and places, in containers by what is in them', () => {
    const find = (text: string, by: 'process' | 'container' = 'process'): string[] =>
      itemsOf(store.dictionary, now, { by, find: text, zoom: undefined }).map(({ label }) => label);
    expect(find('python')).toContain('python3.11');
    expect(new Set(find('kubernetes NODE'))).toEqual(new Set(['node']));
    expect(find('nginx.service').length).toBeGreaterThan(0);
    expect(find('stress-ng nginx', 'container')).toEqual(['nginx.service']);
    expect(find('no such thing')).toEqual([]);
  });

  it('of a container has its processes alone', () => {
    const zoom = '/system.slice/nginx.service';
    const items = itemsOf(store.dictionary, now, { by: 'process', find: '', zoom });
    expect(items.length).toBeGreaterThan(0);
    expect(items.every(({ group }) => group.path.startsWith(zoom))).toBe(true);
  });

  it('has boxes that close, each in the one above it, in the order of their names', () => {
    const root = treeOf(store.dictionary, now, 'node-7');
    expect(sum([...root.kids.values()].map(({ energy }) => energy))).toBe(now.total);
    const boxes = layOut(root, { least: 0.005, depth: 5 });
    for (let depth = 1; depth < 5; depth++) {
      const row = boxes.filter((box) => box.depth === depth);
      row.forEach((box, i) => {
        const inner = boxes.some(
          (one) =>
            one.depth === depth - 1 && box.x >= one.x - 1e-9 && box.x + box.width <= one.x + one.width + 1e-9,
        );
        expect(inner).toBe(true);
        if (i > 0) expect(box.x).toBeGreaterThanOrEqual(row[i - 1]!.x + row[i - 1]!.width - 1e-9);
      });
    }
    const first = boxes
      .filter(({ depth, node }) => depth === 1 && node.kind === 'group')
      .map(({ node }) => node.label);
    expect(first).toEqual(first.toSorted());
  });
});

describe('a span of time', () => {
  const store = storeOf(snapshots);

  it.each([
    ['of the last minute', END - 40_000, END - 20_000],
    ['of some minutes ago', END - 300_000, END - 200_000],
    ['across both', END - 100_000, END - 10_000],
  ])('%s has every figure of it, and closes', (_, from, to) => {
    const shown = store.shown({ from, to })!;
    // Its ends are where rows begin and end.
    expect(Math.abs(shown.from - from)).toBeLessThan(11_000);
    expect(Math.abs(shown.to - to)).toBeLessThan(11_000);
    const counted = snapshots.filter(
      ({ time }) => Date.parse(time) > shown.from + 100 && Date.parse(time) <= shown.to,
    );
    expect(Math.abs(shown.total / 1e6 - sum(counted.map(({ totals }) => totals.counter_j)))).toBeLessThan(
      1e-3,
    );
    expect(sum([...shown.rows.values()].map(({ energy }) => energy))).toBe(shown.ledger.process);
    expect(sum(shown.steps.map(({ rows }) => sum(rows.energy)))).toBe(shown.ledger.process);
    const items = itemsOf(store.dictionary, shown, { by: 'program', find: '', zoom: undefined });
    const joules = joulesBy(snapshots, shown.from + 100, shown.to);
    const largest = items.toSorted((one, other) => other.energy - one.energy).slice(0, 5);
    for (const { label, energy } of largest)
      expect(Math.abs(energy / 1e6 - joules.get(label)!)).toBeLessThan(1e-2);
  });

  it('that is over is not known', () => {
    expect(store.shown({ from: END - 3_600_000, to: END - 3_500_000 })).toBeUndefined();
  });
});

describe('a page whose agent is started again', () => {
  it('goes on with what it had, and counts nothing twice', () => {
    const store = storeOf(snapshots.slice(0, 100));
    store.greet({ ...HELLO, instance: 'b' });
    // The new agent numbers names in another order.
    for (const frame of toldFrames(snapshots.slice(130))) store.add(frame);
    const shown = store.shown({ from: 0, to: END })!;
    const counted = sum(
      [...snapshots.slice(0, 100), ...snapshots.slice(130)].map(({ totals }) => totals.counter_j),
    );
    expect(Math.abs(shown.total / 1e6 - counted)).toBeLessThan(1e-2);
    const items = itemsOf(store.dictionary, shown, { by: 'program', find: 'cc1', zoom: undefined });
    const joules = joulesBy([...snapshots.slice(0, 100), ...snapshots.slice(130)], 0, END);
    expect(
      Math.abs(items.find(({ label }) => label === 'cc1')!.energy / 1e6 - joules.get('cc1')!),
    ).toBeLessThan(1e-2);
  });

  it('begins anew where the figures come from another source', () => {
    const store = storeOf(snapshots.slice(0, 50));
    store.greet({
      ...HELLO,
      instance: 'b',
      source: { ...HELLO.source, name: 'power_core', kind: 'measured' },
    });
    expect(store.history.frames).toEqual([]);
    expect(store.shown(undefined)).toBeUndefined();
  });

  it('is told again what it has, and takes it once', () => {
    const store = new Store();
    store.greet(HELLO);
    const frames = toldFrames(snapshots.slice(0, 30));
    for (const frame of [...frames.slice(0, 20), ...frames.slice(10)]) store.add(frame);
    expect(store.history.frames.map(({ time }) => time)).toEqual(frames.map(({ time }) => time));
  });
});

describe('the chart', () => {
  const store = storeOf(snapshots);
  const owners = new Owners();
  const { frames } = store.history;
  const slots = owners.slots(frames, store.dictionary);
  const window = { from: END - 360_000, to: END };
  const options = {
    frames,
    order: [...slots.keys()],
    most: 300,
    of: (frame: Frame) => owners.of(frame, store.dictionary),
  };

  it('is as high as what was counted, and every layer is part of it', () => {
    const { times, layers } = columnsOf({ ...options, window });
    expect(times.length).toBeGreaterThan(100);
    expect(times.length).toBeLessThanOrEqual(301);
    times.forEach((_, i) =>
      layers.forEach((layer, l) =>
        expect(layer[i]!).toBeGreaterThanOrEqual((layers[l - 1]?.[i] ?? 0) - 1e-9),
      ),
    );
    const fine = columnsOf({ ...options, window, most: 1000 });
    const byTime = new Map(snapshots.map((snapshot) => [Date.parse(snapshot.time) / 1000, snapshot]));
    const checked = fine.times.filter((time, i) => {
      const snapshot = byTime.get(time);
      if (!snapshot || Math.floor(fine.times[i - 1] ?? 0) === Math.floor(time)) return false;
      return Math.abs(fine.layers.at(-1)![i]! - snapshot.totals.counter_j / snapshot.interval_s) < 1e-3;
    });
    expect(checked.length).toBeGreaterThan(250);
  });

  it('has a gap where nothing was measured, not a line', () => {
    const some = frames.filter((_, i) => i < 200 || i > 230);
    const { layers, times } = columnsOf({ ...options, frames: some, window, most: 1000 });
    const gap = layers[0]!.indexOf(null);
    expect(gap).toBeGreaterThan(0);
    expect(times[gap + 1]! - times[gap]!).toBeGreaterThan(25);
    expect(layers.every((layer) => layer[gap] === null)).toBe(true);
  });

  it('gives the largest their colours, and they keep them', () => {
    expect(slots.size).toBe(8);
    expect(new Set(slots.values()).size).toBe(8);
    const before = new Map(slots);
    const after = owners.slots(frames.slice(30), store.dictionary);
    for (const [owner, slot] of after) if (before.has(owner)) expect(slot).toBe(before.get(owner));
  });
});

describe('the history', () => {
  it('is bounded in time and in rows, whatever runs', () => {
    const maker = new FrameMaker({ namesProcesses: true });
    const history = new History(maker.dictionary);
    const crowd = (second: number): Snapshot => ({
      ...snapshotOf({
        processes: Array.from({ length: 300 }, (_, i) => ({
          pid: 1 + second * 300 + i,
          executable: `program-${i % 150}`,
          cgroup: `/jobs/${i % 120}`,
          energy_j: 1e-3 * (1 + i),
        })),
      }),
      time: new Date(END + second * 1000).toISOString(),
    });
    for (let second = 0; second < 1100; second++) {
      history.add(maker.add(crowd(second))!);
      if (second % 60 === 59) maker.dictionary.keep(history.used());
    }
    const { frames, buckets } = history;
    expect(frames.length).toBeLessThanOrEqual(901);
    expect(frames.at(-1)!.time - frames[0]!.time).toBeLessThanOrEqual(900_000);
    expect(frames.filter(({ rows }) => rows).length).toBeLessThanOrEqual(61);
    expect(buckets.length).toBeLessThanOrEqual(91);
    expect(Math.max(...buckets.map(({ rows }) => rows.id.length))).toBeLessThanOrEqual(200 + 120);
    expect(Math.max(...frames.filter(({ rows }) => !rows).map(({ groups }) => groups.length))).toBe(200);
    expect(maker.dictionary.rows.size).toBeLessThan(60 * 300 + 120 * 300 + 90 * 320);
    for (const { from, to, rows } of buckets) {
      const covered = framesIn(history, { from, to });
      expect(sum(rows.energy)).toBe(sum(covered.map(({ ledger }) => ledger.process)));
    }
    const steps = stepsOf(history);
    steps.slice(1).forEach(({ from }, i) => expect(Math.abs(from - steps[i]!.to)).toBeLessThan(2));
  });

  it('goes on when the clock is set', () => {
    const maker = new FrameMaker({ namesProcesses: true });
    const history = new History(maker.dictionary);
    const at = (time: number): Snapshot => ({
      ...snapshotOf({ processes: [{ pid: 1, energy_j: 1 }] }),
      time: new Date(time).toISOString(),
    });
    for (let i = 0; i < 100; i++) history.add(maker.add(at(END + i * 1000))!);
    for (let i = 0; i < 1500; i++) history.add(maker.add(at(END - 3_600_000 + i * 1000))!);
    expect(history.frames.length).toBeLessThanOrEqual(1000);
    expect(history.frames.filter(({ rows }) => rows).length).toBeLessThanOrEqual(100);
  });
});
