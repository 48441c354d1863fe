// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { createProbe } from '../../src/probe/addon.ts';
import { sum } from '../../src/util/sum.ts';
import { describeOnKernel } from '../support/kernel.ts';
import { OPTIONS, tscEvent, ZONE } from '../support/probe.ts';

describeOnKernel('a drain', () => {
  it('tells all that a CPU drew since the last one, also if that is more than BPF can add up', async () => {
    // Some kW: no CPU draws so much, but one of 20 W draws in an hour what this one does in seconds.
    const joulesPerCount = 3e-6;
    const probe = createProbe();
    await probe.open({ ...OPTIONS, joulesPerCount });
    await probe.bind(0, ZONE, tscEvent());
    await probe.calibrate(0, 0);
    await probe.start();
    const first = await probe.drain();
    await sleep(1000);
    const short = await probe.drain();
    const perNs = (sum(short.cpus.counts) + sum(short.cpus.gapCounts)) / (short.timeNs - first.timeNs);
    // BPF adds up 2^48 units of about 2^-32 J per CPU: up to 65,536 J.
    const ns = 100_000 / joulesPerCount / perNs;
    await sleep(ns / 1e6);
    const { rows, cpus, timeNs } = await probe.drain();
    await probe.close();

    expect(cpus.cpu.length).toBe(new Set(cpus.cpu).size);
    const counts = sum(cpus.counts);
    const expected = perNs * (timeNs - short.timeNs) - sum(cpus.gapCounts);
    expect(counts * joulesPerCount).toBeGreaterThan(66_000);
    expect(counts / expected).toBeCloseTo(1, 1);
    expect(sum(rows.counts) / counts).toBeCloseTo(1, 9);
    expect(sum(cpus.residualCounts)).toBe(0);
  });
});
