// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createProbe, type Probe } from '../../src/probe/addon.ts';
import { heldIds, holdings } from '../support/held.ts';
import { describeOnKernel } from '../support/kernel.ts';
import { OPTIONS, tscEvent, ZONE } from '../support/probe.ts';

const ROOT = join(__dirname, '../..');

async function measure(probe: Probe): Promise<void> {
  await probe.open(OPTIONS);
  await probe.bind(0, ZONE, tscEvent());
  probe.onAlarm(() => {});
  await probe.start();
  await probe.drain();
}

describeOnKernel('what a probe holds in the kernel', () => {
  it('is nothing but itself before it is opened', () => {
    const script = `
      const { readdirSync, readlinkSync } = require('node:fs');
      const held = () => readdirSync('/proc/self/fd').map((fd) => {
        try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; }
      }).filter((link) => /bpf|perf_event/.test(link));
      const { Probe } = require('./build/Release/energy.node');
      require('./dist');
      const probe = new Probe();
      console.log(JSON.stringify(held()));`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: ROOT });
    expect(stdout).toBe('[]\n');
  });

  it('is given back when it is closed, however often that is done', async () => {
    // Once before: what the first probe of a process brings along stays (threads of libuv's pool).
    for (let i = 0; i < 4; i++) {
      const probe = createProbe();
      await Promise.all([measure(probe), probe.lookAfter().catch(() => {})]);
      await probe.close();
    }
    const before = holdings();
    // All of them are kept: what the garbage collector gives back late is not given back by close().
    const probes = Array.from({ length: 50 }, () => createProbe());
    for (const probe of probes) {
      await measure(probe);
      expect(heldIds('link').length).toBeGreaterThan(0);
      await probe.close();
    }
    expect(holdings()).toEqual(before);
    await Promise.all(probes.map((probe) => probe.close()));
  });

  it('is given back too if it was told twice whom to call, or is opened again', async () => {
    const probe = createProbe();
    const before = holdings();
    for (let i = 0; i < 3; i++) {
      await measure(probe);
      probe.onAlarm(() => {});
      await probe.close();
    }
    expect(holdings()).toEqual(before);
  });

  it('is hardly any of our resident memory: the logs of events, 8 MiB, are mapped where records are', async () => {
    const probe = createProbe();
    await measure(probe);
    const maps = readFileSync('/proc/self/smaps', 'latin1').matchAll(
      /anon_inode:bpf-map\n(?:.*\n)*?Rss:\s*(\d+)/g,
    );
    const kb = [...maps].map(([, resident]) => Number(resident));
    await probe.close();
    expect(kb.length).toBeGreaterThan(0);
    expect(kb.reduce((sum, one) => sum + one)).toBeLessThan(4096 + 192 * availableParallelism());
  });
});
