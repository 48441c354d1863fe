// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listNames, readText } from '../../src/util/files.ts';
import { withFewDescriptors } from '../support/few-descriptors.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('what may not be there', () => {
  const directory = temporaryDirectory();

  it('is read without the end of its line, or is undefined', () => {
    const path = join(directory, 'type');
    writeFileSync(path, ' 12\n');
    expect(readText(path)).toBe('12');
    expect(readText(join(directory, 'nothing'))).toBeUndefined();
    expect(readText(directory)).toBeUndefined();
  });

  it('is listed in order, or is empty', () => {
    const listed = temporaryDirectory();
    for (const name of ['b', 'a', 'c']) writeFileSync(join(listed, name), '');
    expect(listNames(listed)).toEqual(['a', 'b', 'c']);
    expect(listNames(join(listed, 'nothing'))).toEqual([]);
  });

  it('is not taken for missing where it cannot be opened for want of descriptors', async () => {
    const path = join(directory, 'present');
    writeFileSync(path, '1');
    const shortage = {
      name: 'EnergyError',
      code: 'EMFILE',
      message: expect.stringMatching(
        /^cannot read .* \(EMFILE\): raise the limit of open files \(ulimit -n\)$/,
      ),
    };
    await withFewDescriptors(0, () => {
      expect(() => readText(path)).toThrow(expect.objectContaining(shortage));
      expect(() => listNames(directory)).toThrow(expect.objectContaining(shortage));
    });
    expect(readText(path)).toBe('1');
  });
});
