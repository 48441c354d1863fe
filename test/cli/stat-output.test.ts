// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openOutput } from '../../src/cli/stat-output.ts';
import { temporaryDirectory } from '../support/temporary.ts';

let path: string;
beforeEach(() => (path = join(temporaryDirectory(), 'output')));

/** What a reader that never waits gets; '' if there is nothing just now. */
function readNow(file: number): string {
  const chunk = Buffer.alloc(4096);
  try {
    return chunk.toString('utf8', 0, readSync(file, chunk));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return '';
    throw error;
  }
}

describe('the place of a result', () => {
  it('keeps what a file has until there is a result, which takes its place', async () => {
    writeFileSync(path, 'an older and longer one\n');
    const output = openOutput(path);
    expect(readFileSync(path, 'utf8')).toBe('an older and longer one\n');
    await output.write('new\n');
    output.close();
    expect(readFileSync(path, 'utf8')).toBe('new\n');
  });

  it('may be a FIFO whose reader is slow, and the result more than that holds', async () => {
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const line = `${'0123456789'.repeat(30_000)}\n`;
    const output = openOutput(path);
    const written = output.write(line).then(() => output.close());
    let received = '';
    while (received.length < line.length) {
      received += readNow(reader);
      await sleep(1);
    }
    await written;
    closeSync(reader);
    expect(received === line).toBe(true);
  });

  it('may be a FIFO with two readers: one of them gets a result that is not long, whole', async () => {
    execFileSync('mkfifo', [path]);
    const readers = [0, 1].map(() => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK));
    const output = openOutput(path);
    await output.write('{"schema":"joules.stat/1"}\n');
    expect(readers.map(readNow)).toEqual(['{"schema":"joules.stat/1"}\n', '']);
    output.close();
    readers.forEach((one) => closeSync(one));
  });
});
