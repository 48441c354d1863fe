// SPDX-License-Identifier: Apache-2.0
import { closeSync, openSync, writeSync } from 'node:fs';
import { isVirtual, watchUpdates } from '../../src/counters/update-period.ts';
import type { Counter } from '../../src/model/source.ts';
import { selectSource } from '../../src/sources/select.ts';
import { describedMachine } from '../support/described-machine.ts';

/** The package of a guest whose counter moves this often. */
function movingEvery(ms: number): { counter: Counter; stop: () => void } {
  const { source } = selectSource({ spec: 'powercap', ...describedMachine('guest-virtual-rapl') });
  const counter = source.reader === 'user' ? source.counters[0]! : undefined;
  if (counter?.location.via !== 'powercap') throw new Error('powercap has a counter in a file');
  const { path } = counter.location;
  // Without a moment in which the file is empty, which files of sysfs do not have either.
  const fd = openSync(path, 'r+');
  let microjoules = 1_000_000;
  const timer = setInterval(() => writeSync(fd, `${(microjoules += 1000)}\n`, 0), ms);
  const stop = (): void => {
    clearInterval(timer);
    closeSync(fd);
  };
  return { counter, stop };
}

describe('a counter that user space reads', () => {
  it('is virtual if it moves once a second, as QEMU’s does', async () => {
    const { counter, stop } = movingEvery(1000);
    const found = await watchUpdates(counter);
    stop();
    expect(found.changes).toBeGreaterThanOrEqual(2);
    expect(isVirtual(found)).toBe(true);
  });

  it('is none that is virtual if it moves all the time', async () => {
    const { counter, stop } = movingEvery(1);
    const found = await watchUpdates(counter);
    stop();
    expect(found.changes).toBeGreaterThanOrEqual(3);
    expect(isVirtual(found)).toBe(false);
  });

  it('is not known to be virtual if it never moves', async () => {
    const { counter, stop } = movingEvery(1e6);
    const found = await watchUpdates(counter);
    stop();
    expect(found).toMatchObject({ changes: 0, steady: false });
    expect(found.reads).toBeGreaterThan(0);
    expect(isVirtual(found)).toBe(false);
  });
});
