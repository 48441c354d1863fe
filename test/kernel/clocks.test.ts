// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { joules, JOULES, snapshots } from '../support/joules.ts';
import { describeOnKernel, Load, TSC } from '../support/kernel.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const TOP = ['top', '--json', '--source', TSC, '--count', '2'];
/** Longer than the 15 characters that the kernel keeps: it can come from /proc alone. */
const NAME = 'a-program-with-a-long-name';

/** The spinning process, by its pid. */
function found(stdout: string, pid: number): Snapshot['processes'][number] | undefined {
  return snapshots(stdout)
    .flatMap(({ processes }) => processes)
    .find((process) => process.pid === pid);
}

describeOnKernel('in a time namespace', () => {
  it('processes are the same, as old, and as large as outside', async () => {
    await using load = new Load();
    const program = join(temporaryDirectory(), NAME);
    copyFileSync('/bin/sh', program);
    const pid = load.start(program, '-c', 'while :; do :; done');
    const outside = found(joules(TOP).stdout, pid);
    expect(outside?.executable).toBe(NAME);
    const namespace = ['-T', '--boottime', '1000000', '--monotonic', '2000000', '--fork'];
    const { stdout } = spawnSync('unshare', [...namespace, process.execPath, JOULES, ...TOP], {
      encoding: 'utf8',
    });
    const inside = found(stdout, pid);
    expect(inside).toMatchObject({ executable: NAME, creation_time: outside?.creation_time });
    for (const { interval_s, totals } of snapshots(stdout)) {
      expect(interval_s).toBeLessThan(60);
      expect(totals.process_j + totals.idle_j + totals.unattributed_j).toBeCloseTo(totals.counter_j, 9);
    }
  });
});
