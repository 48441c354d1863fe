// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startLoad } from '../../src/cli/load.ts';
import { onlineCpus } from '../../src/host/cpus.ts';
import { loadProgram } from '../../src/probe/addon.ts';
import { LOADS } from '../../src/verify/observation.ts';
import { scheduledSeconds, waitFor } from '../support/kernel.ts';

/** Run time of all threads, s. */
function cpuSeconds(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((total, thread) => total + scheduledSeconds(Number(thread)), 0);
}

function isRunning(pid: number): boolean {
  // A process that ended and was not waited for yet is a zombie.
  return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
}

describe('a load', () => {
  it.each(LOADS)('works while it is told to run, and rests else (%s)', async (name) => {
    await using load = startLoad(name);
    await load.rest();
    const pid = load.pid!;
    expect(await load.work()).toBe(0);
    await load.run([0]);
    await waitFor('work', () => (cpuSeconds(pid) > 0.1 ? true : undefined));
    await load.rest();
    // What it had begun it finishes.
    await sleep(50);
    const [done, ran] = [await load.work(), cpuSeconds(pid)];
    expect(done).toBeGreaterThan(10);
    await sleep(200);
    expect(await load.work()).toBe(done);
    expect(cpuSeconds(pid) - ran).toBeLessThan(0.01);
  });

  it('runs on the CPUs that it is told, and says of a CPU that there is none', async () => {
    await using load = startLoad('integer');
    const last = onlineCpus('/sys').at(-1)!;
    await load.run([last]);
    const lists = readdirSync(`/proc/${load.pid}/task`).map(
      (thread) =>
        /^Cpus_allowed_list:\s*(.*)$/m.exec(
          readFileSync(`/proc/${load.pid}/task/${thread}/status`, 'latin1'),
        )![1],
    );
    expect(lists).toContain(String(last));
    await expect(load.run([8000])).rejects.toThrow(/cannot run 8000 \(EINVAL\)/);
  });

  it('has no capability', async () => {
    await using load = startLoad('memory');
    await load.rest();
    expect(readFileSync(`/proc/${load.pid}/status`, 'latin1')).toMatch(/^CapEff:\s*0+$/m);
  });

  it('says that it was ended', async () => {
    await using load = startLoad('integer');
    await load.rest();
    process.kill(load.pid!, 'SIGKILL');
    await expect(load.work()).rejects.toThrow('the integer load was ended by SIGKILL: run it again');
  });

  it('does not outlive whoever started it, however that ended', async () => {
    const script = `
      const load = require('node:child_process').spawn(process.argv[1], ['integer'], { stdio: ['pipe', 'ignore', 'ignore'] });
      load.stdin.write('run 0\\n');
      console.log(load.pid);
      setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ['-e', script, loadProgram()], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(starter.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(isRunning(pid)).toBe(true);
    starter.kill('SIGKILL');
    await waitFor('the load to end', () => (isRunning(pid) ? undefined : true));
  });
});
