// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { LIFECYCLE, NO_PROCESS } from '../../src/probe/columns.ts';
import { type Calibration, createProbe } from '../../src/probe/addon.ts';
import type { PerfEvent } from '../../src/model/source.ts';
import { bpftool, heldIds, heldInfos } from '../support/held.ts';
import { describeOnKernel, Load, msrType, waitFor } from '../support/kernel.ts';
import { OPTIONS, ZONE } from '../support/probe.ts';

const ADDON = join(__dirname, '../../build/Release/energy.node');
const EVENT = { type: 0, config: 0n, config1: 0n, config2: 0n };

/** Opens a probe on the TSC of CPU 0 and drains it once; for other threads and processes, as JavaScript. */
const MEASURE = `
  const { Probe } = require(${JSON.stringify(ADDON)});
  const type = Number(require('node:fs').readFileSync('/sys/bus/event_source/devices/msr/type', 'utf8'));
  const probe = new Probe();
  const measure = async () => {
    const opened = await probe.open(${JSON.stringify(OPTIONS)}, false);
    const bound = await probe.bind(0, [0], 0, type, 0n, 0n, 0n);
    const started = await probe.start();
    const { columns } = await probe.drain();
    return [opened.status, bound.status, started.status, columns.cpus.cpu.length];
  };`;

/** Entries of the BPF hash maps of this process. */
function hashMaps(): number[] {
  return heldInfos('map').flatMap((info) => {
    const [, entries] = /^map_type:\t1$[^]*^max_entries:\t(\d+)$/m.exec(info) ?? [];
    return entries === undefined ? [] : [Number(entries)];
  });
}

describe('the native part', () => {
  it('tells the constants that TypeScript uses', () => {
    const addon = createRequire(__filename)(ADDON) as Record<string, unknown>;
    expect(addon).toMatchObject({ ...LIFECYCLE, noProcess: NO_PROCESS });
  });

  it('is loaded by the first probe, not by importing the package', () => {
    const dist = join(__dirname, '../../dist');
    const loaded = `console.log(readFileSync('/proc/self/maps', 'latin1').includes('energy.node'));`;
    const script = `const { readFileSync } = require('node:fs');
      require(${JSON.stringify(dist)}); ${loaded}
      require(${JSON.stringify(join(dist, 'probe/addon.js'))}).createProbe(); ${loaded}`;
    const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(stdout).toBe('false\ntrue\n');
  });

  it('loads the version of libbpf that it was linked with', () => {
    const addon = createRequire(__filename)(ADDON) as { libbpf: string };
    expect(addon.libbpf).toMatch(/^v\d+\.\d+$/);
    // Statically: a libbpf on the machine neither helps nor harms.
    expect(readFileSync(ADDON).includes('libbpf.so')).toBe(false);
  });

  it('answers calls out of turn with an error that names the step', async () => {
    const probe = createProbe();
    await expect(probe.drain()).rejects.toMatchObject({
      code: 'EBADF',
      message: expect.stringContaining('cannot drain'),
    });
    await expect(probe.start()).rejects.toMatchObject({ code: 'EBADF' });
    await expect(probe.bind(0, ZONE, EVENT)).rejects.toMatchObject({ code: 'EBADF' });
    await probe.close();
    await probe.close();
  });

  it('names the step of each of several calls that are under way', async () => {
    const probe = createProbe();
    const failures = await Promise.allSettled([probe.drain(), probe.start(), probe.bind(0, ZONE, EVENT)]);
    expect(failures).toMatchObject(
      ['cannot drain', 'cannot start', 'cannot bind a counter'].map((step) => ({
        reason: { message: expect.stringContaining(step) },
      })),
    );
  });
});

describeOnKernel('a probe', () => {
  it('cannot be opened twice, and can after it was closed', async () => {
    const probe = createProbe();
    await probe.open(OPTIONS);
    await expect(probe.open(OPTIONS)).rejects.toMatchObject({ code: 'EALREADY' });
    await probe.close();
    await probe.open(OPTIONS);
    await probe.close();
  });

  it('has room for what is known by its cgroup alone, the more the more CPUs and processes there may be', async () => {
    const possible = readFileSync('/sys/devices/system/cpu/possible', 'latin1');
    const cpus = Number(/\d+$/m.exec(possible)![0]) + 1;
    for (const [spillEntries, expected] of [
      [64, 256 * cpus],
      [16_384 * cpus, 2048 * cpus],
    ] as const) {
      const others = hashMaps();
      const probe = createProbe();
      await probe.open({ ...OPTIONS, spillEntries });
      const sizes = hashMaps();
      for (const other of others) sizes.splice(sizes.indexOf(other), 1);
      await probe.close();
      // One for each buffer.
      expect(sizes.filter((size) => size === expected)).toHaveLength(2);
    }
  });

  it.each([
    ['no counter, nothing at ticks', { switched: false }, []],
    ['switches', { switched: false, learns: true }, ['hrtimer_expire_entry']],
    ['counters', {}, ['hrtimer_expire_entry']],
  ])('has the kernel verify no more than it needs: of %s', async (_, options, some) => {
    const before = heldIds('prog');
    const probe = createProbe();
    await probe.open({ ...OPTIONS, ...options });
    const loaded = heldIds('prog').filter((id) => !before.includes(id));
    const names = loaded.map((id) => (bpftool('prog', 'show', 'id', `${id}`) as { name: string }).name);
    await probe.close();
    expect(names).toContain('sched_switch');
    expect(names.filter((name) => /hrtimer|fork/.test(name)).toSorted()).toEqual(some);
  });

  it('leaves all threads on the CPUs that they could use before', async () => {
    const threads = (): Set<string> =>
      new Set(
        readdirSync('/proc/self/task').map(
          (id) => /^Cpus_allowed:.*$/m.exec(readFileSync(`/proc/self/task/${id}/status`, 'latin1'))![0],
        ),
      );
    const before = threads();
    const probe = createProbe();
    await probe.open(OPTIONS);
    await probe.start();
    expect(threads()).toEqual(before);
    await probe.close();
  });

  it('binds a counter anew while it measures, and charges nobody for the change', async () => {
    const probe = createProbe();
    await probe.open(OPTIONS);
    await probe.bind(0, ZONE, { ...EVENT, type: msrType() });
    await probe.start();
    await probe.drain();
    await sleep(200);
    const calm = await probe.drain();
    const first = calm.timeNs;
    let counts = 0;
    let last = first;
    for (let i = 0; i < 200; i++) {
      await probe.bind(0, ZONE, { ...EVENT, type: msrType() });
      const { cpus, timeNs } = await probe.drain();
      expect([...cpus.residualCounts, ...cpus.backwards].every((value) => value === 0)).toBe(true);
      // What the old event counted after it was charged for the last time is in the gap.
      counts += cpus.counts[0]! + cpus.gapCounts[0]!;
      last = timeNs;
    }
    await probe.close();
    // A new event counts from 0: what an old one had counted in all must not come in at once, nor be taken off.
    const rate = counts / (last - first);
    const trueRate =
      calm.cpus.counts[0]! /
      calm.rows.timeNs.filter((_, i) => calm.rows.cpu[i] === 0).reduce((a, b) => a + b);
    expect(rate).toBeGreaterThan(0);
    expect(rate).toBeLessThan(trueRate * 1.05);
  });

  describe('calibrates a counter', () => {
    const calibrate = async (event: Partial<PerfEvent>, cpu = 0): Promise<Calibration> => {
      const probe = createProbe();
      try {
        await probe.open(OPTIONS);
        await probe.bind(0, ZONE, { ...EVENT, ...event });
        return await probe.calibrate(0, cpu);
      } finally {
        await probe.close();
      }
    };
    const software = 1; // PERF_TYPE_SOFTWARE

    it('that changes from read to read: a clock has no period', async () => {
      const { periodNs, readNs, changes, reads } = await calibrate({ type: msrType() });
      expect(periodNs).toBe(0);
      expect(readNs).toBeGreaterThan(0);
      expect(changes).toBe(reads);
    });

    it('that changes now and then: the time between two changes is that of many reads', async () => {
      await using load = new Load();
      load.start('taskset', '-c', '0', 'sh', '-c', 'while :; do sleep 0.01; done');
      let found = await calibrate({ type: software, config: 3n });
      // On a machine that others use as well the load may not come to run within 150 ms.
      while (found.changes <= 2) found = await calibrate({ type: software, config: 3n });
      const { periodNs, jitterNs, readNs, changes, reads } = found;
      expect(changes).toBeLessThan(reads / 10);
      expect(periodNs).toBeGreaterThan(10 * readNs);
      expect(jitterNs).toBeGreaterThan(0);
    });

    it('that never changes: its period is unknown', async () => {
      const found = await calibrate({ type: software, config: 9n }); // PERF_COUNT_SW_DUMMY
      expect(found).toEqual({
        readNs: expect.any(Number),
        changes: 0,
        reads: expect.any(Number),
        steady: false,
      });
      expect(found.reads).toBeGreaterThan(0);
    });

    it('unless that is not bound, or not on such a CPU', async () => {
      const probe = createProbe();
      await probe.open(OPTIONS);
      await expect(probe.calibrate(0, 0)).rejects.toMatchObject({ code: 'EBADF' });
      await probe.close();
      await expect(calibrate({ type: msrType() }, 100_000)).rejects.toMatchObject({
        code: 'EINVAL',
        message: expect.stringMatching(/^cannot run on the CPU of a counter \(EINVAL\): it is offline/),
      });
    });
  });

  it('works in a worker thread, also in one that is ended in mid-measurement', async () => {
    const run = (body: string): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const worker = new Worker(
          `${MEASURE} const { parentPort } = require('node:worker_threads'); ${body}`,
          { eval: true },
        );
        worker.once('message', (message) => {
          // Calls are under way in the thread pool now.
          void worker.terminate().then(() => resolve(message));
        });
        worker.once('error', reject);
      });
    expect(await run('measure().then((result) => parentPort.postMessage(result));')).toEqual([
      0,
      0,
      0,
      expect.any(Number),
    ]);
    const busy =
      'measure().then(() => { for (let i = 0; i < 20; i++) void probe.drain(); parentPort.postMessage("draining"); });';
    for (let i = 0; i < 3; i++) expect(await run(busy)).toBe('draining');
  });

  it('lets the process exit while it measures, without a trace', async () => {
    const tellPrograms = `
      const { readdirSync, readFileSync } = require('node:fs');
      for (const fd of readdirSync('/proc/self/fdinfo')) {
        try {
          const [, id] = /^prog_id:\\s*(\\d+)$/m.exec(readFileSync('/proc/self/fdinfo/' + fd, 'latin1')) ?? [];
          if (id) console.log(id);
        } catch {}
      }`;
    const ids: number[] = [];
    for (const body of ['', 'for (let i = 0; i < 20; i++) void probe.drain();']) {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['-e', `${MEASURE} measure().then(() => { ${tellPrograms} ${body} process.exit(7) });`],
        { encoding: 'utf8' },
      );
      expect({ status, stderr }).toEqual({ status: 7, stderr: '' });
      ids.push(...stdout.trim().split('\n').map(Number));
    }
    expect(ids.length).toBeGreaterThan(10);
    // The kernel takes a moment to free the programs of a process that is gone.
    await waitFor('the programs to go', () => {
      const all = new Set((bpftool('prog', 'show') as { id: number }[]).map(({ id }) => id));
      return ids.some((id) => all.has(id)) ? undefined : true;
    });
  });

  it('does not block the event loop while it loads', async () => {
    const probe = createProbe();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await probe.open(OPTIONS);
    clearInterval(timer);
    await probe.close();
    // Loading takes the verifier tens of ms; all that time the timer went on.
    expect(ticks).toBeGreaterThan(5);
  });
});
