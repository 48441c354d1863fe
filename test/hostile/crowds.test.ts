// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { createProbe, type Probe } from '../../src/probe/addon.ts';
import { sum } from '../../src/util/sum.ts';
import { describeOnKernel } from '../support/kernel.ts';
import { OPTIONS, tscEvent, ZONE } from '../support/probe.ts';

/** `npm run test:hostile` takes its time. */
const LONG = process.env['JOULES_HOSTILE'] === 'long';

// A crowd keeps JavaScript from running as these loops do: meanwhile nobody drains.
describeOnKernel('where nobody drains for long', () => {
  it('every event is kept though the ring holds a part of them', async () => {
    await using probe = await started({});
    const made = mkdirs(9000);
    const { mkdirs: found, lostEvents } = await probe.drain();
    expect(found.path.filter((path) => path.startsWith(made))).toHaveLength(9000);
    expect(lostEvents).toBe(0);
  });

  it('every process is kept though the tables hold a part of them', async () => {
    await using probe = await started({ spillEntries: 16_384 });
    const script = 'i=0; while [ $i -lt 24000 ]; do (:); i=$((i+1)); done';
    expect(spawnSync('taskset', ['-c', '0', 'sh', '-c', script]).status).toBe(0);
    const { processes, cpus } = await probe.drain();
    expect(sum(cpus.lostRows)).toBe(0);
    expect(new Set(processes.startNs).size).toBeGreaterThan(24_000);
    expect(sum(cpus.residualCounts)).toBe(0);
  });
});

/** It takes 20 s, so that only `npm run test:hostile` has it. */
const describeInLong = LONG ? describeOnKernel : () => {};

describeInLong('where memory is full as well', () => {
  it('what finds no room is counted', async () => {
    await using probe = await started({});
    const made = mkdirs(60_000);
    const { mkdirs: found, lostEvents } = await probe.drain();
    const kept = found.path.filter((path) => path.startsWith(made)).length;
    expect(kept).toBeGreaterThan(30_000);
    expect(kept).toBeLessThan(60_000);
    // Others make some as well.
    expect(kept + lostEvents).toBeGreaterThanOrEqual(60_000);
    const next = mkdirs(100);
    const after = await probe.drain();
    expect(after.mkdirs.path.filter((path) => path.startsWith(next))).toHaveLength(100);
    expect(after.lostEvents).toBe(lostEvents);
  });
});

async function started(options: Partial<typeof OPTIONS>): Promise<Probe & AsyncDisposable> {
  const { controller, id } = findHierarchy('/proc');
  const probe = createProbe();
  await probe.open({ ...OPTIONS, controller: controller ?? '', hierarchy: id, ...options });
  await probe.bind(0, ZONE, tscEvent());
  await probe.start();
  await probe.drain();
  return { ...probe, [Symbol.asyncDispose]: () => probe.close() };
}

let series = 0;

/** Makes cgroups, and removes each at once. What their paths begin with. */
function mkdirs(count: number): string {
  const name = `joules-test-${process.pid}-${series++}-`;
  const { mount } = findHierarchy('/proc');
  for (let i = 0; i < count; i++) {
    const path = join(mount!, `${name}${i}`);
    mkdirSync(path);
    rmdirSync(path);
  }
  return `/${name}`;
}
