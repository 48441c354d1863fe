// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { likeCores } from '../../src/cli/machine.ts';
import { temporaryDirectory } from '../support/temporary.ts';

function sysWith(files: Readonly<Record<string, string>>): string {
  const sys = temporaryDirectory();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(sys, path)), { recursive: true });
    writeFileSync(join(sys, path), text);
  }
  return sys;
}

describe('cores that can be compared', () => {
  it('are all where they are of one kind', () => {
    expect(likeCores(sysWith({}), [0, 2, 4])).toEqual([0, 2, 4]);
  });

  it('are the large ones of a hybrid of Intel, or the small ones where no other may be used', () => {
    const sys = sysWith({ 'bus/event_source/devices/cpu_core/cpus': '0-3\n' });
    expect(likeCores(sys, [0, 2, 4, 5])).toEqual([0, 2]);
    expect(likeCores(sys, [4, 5])).toEqual([4, 5]);
  });

  it('are those of the greatest capacity on ARM', () => {
    const capacity = (cpu: number): string => `devices/system/cpu/cpu${cpu}/cpu_capacity`;
    const sys = sysWith({ [capacity(0)]: '446\n', [capacity(1)]: '1024\n', [capacity(2)]: '1024\n' });
    expect(likeCores(sys, [0, 1, 2])).toEqual([1, 2]);
  });
});
