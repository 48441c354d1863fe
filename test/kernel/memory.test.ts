// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describeOnKernel, TSC } from '../support/kernel.ts';

const STORMS = join(__dirname, '../support/storms.mjs');
const PROCESSES = 20_000;

interface Left {
  /** Processes seen to end so far. */
  readonly ended: number;
  readonly heapMb: number;
  /** Series of its processes that have a pid. */
  readonly series: number;
}

describeOnKernel('memory', () => {
  it('is the same after each storm of 20,000 processes, of which no series is left', () => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--expose-gc', STORMS, TSC, '3', String(PROCESSES)],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    const left = JSON.parse(stdout) as [Left, Left, Left];
    expect(left.map(({ series }) => series)).toEqual([0, 0, 0]);
    const [first, , last] = left;
    // A few end between two rows and are lost to nobody but this count.
    expect(last.ended - first.ended).toBeGreaterThan(1.9 * PROCESSES);
    // Between the two: 40,000 processes. The cache of names holds up to 16,384 of them, of 300 bytes each.
    expect(last.heapMb - first.heapMb).toBeLessThan(5);
    expect(last.heapMb).toBeLessThan(40);
  }, 900_000);
});
