// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listNames, readText } from '../../src/util/files.ts';
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
});
