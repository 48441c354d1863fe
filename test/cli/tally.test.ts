// SPDX-License-Identifier: Apache-2.0
import { sumUsed } from '../../src/attribution/used.ts';
import { Tally } from '../../src/cli/tally.ts';
import type { Measurement, Meter } from '../../src/meter.ts';
import { snapshotOf } from '../support/snapshots.ts';

/** What is told of a subject that used nothing while another process did, whose error is this. */
async function idleBeside(energy_err_j: number | null): Promise<number | null> {
  const snapshot = snapshotOf({ processes: [{ pid: 7, energy_j: 2, energy_err_j }] });
  const measurement = { snapshot } as unknown as Measurement;
  const meter = { measure: () => Promise.resolve(measurement) } as unknown as Meter;
  const tally = new Tally(meter, { usedIn: () => sumUsed([]), size: 1 }, measurement);
  await tally.add();
  const figures = tally.figures(1);
  expect(figures.energy_j).toBe(0);
  return figures.energy_err_j;
}

describe('the error of who used nothing', () => {
  it('is 0 where errors are known', async () => {
    expect(await idleBeside(0.1)).toBe(0);
  });

  it('is not known where the source tells of none', async () => {
    expect(await idleBeside(null)).toBeNull();
  });
});
