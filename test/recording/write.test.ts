// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { isRecording, readRecording } from '../../src/recording/read.ts';
import { RecordingWriter } from '../../src/recording/write.ts';
import { snapshotOf } from '../support/snapshots.ts';
import { temporaryDirectory } from '../support/temporary.ts';

/** Names that no compression makes much smaller. */
function lines(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => {
    const executable = randomBytes(15_000).toString('base64');
    const snapshot = snapshotOf({ processes: [{ pid: 7, energy_j: 1, executable }] });
    return `${JSON.stringify({ ...snapshot, time: new Date((from + i) * 1000).toISOString() })}\n`;
  });
}

async function timesOf(path: string): Promise<number[]> {
  const times: number[] = [];
  for await (const { time } of readRecording(path)) times.push(Date.parse(time) / 1000);
  return times;
}

const upTo = (end: number, from = 0): number[] => Array.from({ length: end - from }, (_, i) => from + i);

describe('a recording that is written', () => {
  it('is read while it is written, and is nobody else’s', async () => {
    const path = join(temporaryDirectory(), 'r.br');
    const writer = new RecordingWriter({ path, maxBytes: 1e6, files: 3 });
    await writer.open();
    for (const line of lines(3)) await writer.add(line);
    // The first one is there at once, the others after some seconds.
    expect((await timesOf(path))[0]).toBe(0);
    await writer.close();
    expect(await timesOf(path)).toEqual([0, 1, 2]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(writer.bytes).toBe(statSync(path).size);
    expect(writer.lines).toBe(3);
  });

  it('is rotated by size, and the oldest of its files goes', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'r.br');
    const writer = new RecordingWriter({ path, maxBytes: 1e6, files: 3 });
    await writer.open();
    for (const line of lines(300)) await writer.add(line);
    await writer.close();
    expect(readdirSync(directory).toSorted()).toEqual(['r.br', 'r.br.1', 'r.br.2']);
    const times = await timesOf(path);
    expect(times).toEqual(upTo(300, 300 - times.length));
    expect(times.length).toBeGreaterThan(100);
    for (const name of readdirSync(directory))
      expect(statSync(join(directory, name)).size).toBeLessThan(2_000_000);
  });

  it('has its first line in each of its files at once, so that one that was cut off then is known as its', async () => {
    const path = join(temporaryDirectory(), 'r.br');
    const writer = new RecordingWriter({ path, maxBytes: 1, files: 9 });
    await writer.open();
    for (const [i, line] of lines(3).entries()) {
      const before = writer.bytes;
      await writer.add(line);
      // It is handed over by then, and written some moments later.
      while (writer.bytes === before) await setImmediate();
      expect([await isRecording(path), await timesOf(path)]).toEqual([true, upTo(i + 1)]);
    }
    await writer.close();
  });

  it('leaves one that is there, which is told, and is read together with it', async () => {
    const path = join(temporaryDirectory(), 'r.br');
    for (const from of [0, 5, 10]) {
      const writer = new RecordingWriter({ path, maxBytes: 1e6, files: 9 });
      expect(await writer.open()).toBe(from > 0);
      for (const line of lines(5, from)) await writer.add(line);
      await writer.close();
    }
    expect(await timesOf(path)).toEqual(upTo(15));
  });

  it('takes no file of somebody’s for one, and follows no link', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'notes.txt');
    writeFileSync(path, 'hello\n');
    const open = (file: string): Promise<boolean> =>
      new RecordingWriter({ path: file, maxBytes: 1e6, files: 1 }).open();
    await expect(open(path)).rejects.toMatchObject({
      code: 'EUSAGE',
      message: expect.stringContaining('is no recording'),
    });
    expect(readFileSync(path, 'utf8')).toBe('hello\n');
    writeFileSync(join(directory, 'syslog.1'), 'hello\n');
    await expect(open(join(directory, 'syslog'))).rejects.toMatchObject({ code: 'EUSAGE' });
    // Of what has no size as well: a device such as /dev/null would be gone. A FIFO stands for one here.
    const [fifo, empty] = [join(directory, 'fifo'), join(directory, 'empty')];
    execFileSync('mkfifo', [fifo]);
    writeFileSync(empty, '');
    symlinkSync(empty, join(directory, 'stdout'));
    for (const one of [fifo, join(directory, 'stdout')])
      await expect(open(one)).rejects.toMatchObject({ code: 'EUSAGE' });
    expect([lstatSync(fifo).isFIFO(), readlinkSync(join(directory, 'stdout'))]).toEqual([true, empty]);
    symlinkSync(join(directory, 'target'), join(directory, 'link'));
    const writer = new RecordingWriter({ path: join(directory, 'link'), maxBytes: 1e6, files: 2 });
    await writer.open();
    await writer.close();
    expect(lstatSync(join(directory, 'link')).isFile()).toBe(true);
    expect(existsSync(join(directory, 'target'))).toBe(false);
  });

  it('says what is wrong where it cannot be written', async () => {
    const writer = new RecordingWriter({ path: '/nowhere/r.br', maxBytes: 1e6, files: 1 });
    await expect(writer.open()).rejects.toMatchObject({
      message: 'cannot write /nowhere/r.br (ENOENT): record elsewhere with --output',
    });
  });
});
