// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { maskOf } from '../../src/host/capabilities.ts';
import { describeOnKernel, msrType } from '../support/kernel.ts';
import { OPTIONS, PACKAGE, ZONE } from '../support/probe.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ADDON = join(__dirname, '../../dist/probe/addon.js');

/**
 * Measures with a probe, in a process of its own, that keeps a mask of capabilities once it has started, and tells of
 * each step how it ended. Threads are there that take no ordinary signal: the alarm's and Node's for SIGUSR1.
 */
function afterDropping(keep: bigint): Record<string, string> {
  const event = `{ type: ${msrType()}, config: 0n, config1: 0n, config2: 0n }`;
  const script = `
    const { createProbe, dropPrivileges, openPerfEvent } = require(${JSON.stringify(ADDON)});
    const { Worker } = require('node:worker_threads');
    const { readdirSync, readFileSync } = require('node:fs');
    const ended = {};
    const attempt = async (step, work) => {
      ended[step] = await Promise.resolve().then(work).then((it) => String(it ?? 'done'), (error) => error.code);
    };
    const sets = () => {
      const threads = readdirSync('/proc/self/task').map((tid) => readFileSync('/proc/self/task/' + tid + '/status', 'utf8'));
      return [...new Set(threads.map((one) => one.match(/^(Cap(Prm|Eff|Inh|Amb|Bnd)|NoNewPrivs):.*$/gm).join(' ')))];
    };
    (async () => {
      const probe = createProbe();
      await probe.open(${JSON.stringify(OPTIONS)});
      const bind = () => probe.bind(0, ${JSON.stringify(ZONE)}, ${event});
      await bind();
      await probe.start();
      probe.onAlarm(() => {});
      const worker = new Worker('setInterval(() => {}, 1e6)', { eval: true });
      await new Promise((resolve) => worker.once('online', resolve));
      await attempt('drop', () => dropPrivileges(${keep}n));
      const late = new Worker('setInterval(() => {}, 1e6)', { eval: true });
      await new Promise((resolve) => late.once('online', resolve));
      ended.sets = sets().join('; ');
      await attempt('drain', async () => { await probe.drain(); });
      await attempt('lookAfter', async () => { await probe.lookAfter(); });
      await attempt('bind', bind);
      await attempt('measure', async () => (await probe.drain()).rows.pid.length > 0);
      await attempt('open an event', () => openPerfEvent(${event}, 0) > 0);
      await attempt('drop again', () => dropPrivileges(0n));
      await attempt('drain without any', async () => { await probe.drain(); });
      await probe.close();
      console.log(JSON.stringify(ended));
      process.exit(0);
    })();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, string>;
}

/** One line for all threads: they are alike. */
function sets(kept: bigint): RegExp {
  const [own, none] = [kept, 0n].map((mask) => mask.toString(16).padStart(16, '0'));
  const lines = [
    `CapInh:\\t${none}`,
    `CapPrm:\\t${own}`,
    `CapEff:\\t${own}`,
    `CapBnd:\\t${none}`,
    `CapAmb:\\t${none}`,
  ];
  return new RegExp(`^${lines.join(' ')} NoNewPrivs:\\t1$`);
}

describeOnKernel('after privileges were dropped in every thread, those that begin later, too', () => {
  it('a counter is bound again with CAP_PERFMON, and all else works', () => {
    const perfmon = maskOf(['CAP_PERFMON']);
    expect(afterDropping(perfmon)).toEqual({
      drop: 'done',
      sets: expect.stringMatching(sets(perfmon)),
      drain: 'done',
      lookAfter: 'done',
      bind: 'done',
      measure: 'true',
      'open an event': 'true',
      'drop again': 'done',
      'drain without any': 'done',
    });
  });

  it('what is bound is measured with none, but cannot be bound again', () => {
    expect(afterDropping(0n)).toMatchObject({
      drop: 'done',
      sets: expect.stringMatching(sets(0n)),
      drain: 'done',
      lookAfter: 'done',
      bind: 'EACCES',
    });
  });
});

describeOnKernel('a package whose CPUs come online when privileges were dropped', () => {
  it('is learned from by a thread of the same priority, and the others keep theirs', () => {
    const directory = temporaryDirectory();
    const packages = ['0', '1'].map((name, zone) => {
      const path = join(directory, name);
      writeFileSync(path, '1');
      return { ...PACKAGE, zone, range: 0, location: { via: 'powercap', path } };
    });
    const script = `
      const { createProbe, dropPrivileges } = require(${JSON.stringify(ADDON)});
      const { readdirSync, readFileSync } = require('node:fs');
      // The policy of SCHED_FIFO is 1, in field 41 of stat.
      const prompt = () => readdirSync('/proc/self/task').filter((tid) =>
        readFileSync('/proc/self/task/' + tid + '/stat', 'latin1').split(') ')[1].split(' ')[38] === '1').length;
      (async () => {
        const probe = createProbe();
        await probe.open(${JSON.stringify({ ...OPTIONS, switched: false, learns: true })});
        await probe.start();
        const packages = ${JSON.stringify(packages)}.map((one) => ({ ...one, range: 0n }));
        const isPrompt = async (count) => {
          const end = performance.now() + 60_000;
          while (prompt() < count && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
          return prompt();
        };
        // The one that relieves the kernel, the one that makes others, and the one that learns.
        await probe.learn(packages.slice(0, 1));
        const before = await isPrompt(3);
        dropPrivileges(0n);
        await probe.learn(packages);
        const after = await isPrompt(before + 1);
        await probe.close();
        console.log(JSON.stringify([before, after, prompt()]));
        process.exit(0);
      })();`;
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual([3, 4, 0]);
  });
});
