// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { filesOf, readRecording, type ReadOptions } from '../../src/recording/read.ts';
import { Tape } from '../../src/recording/tape.ts';
import { snapshotJson } from '../../src/snapshot/json.ts';
import { recording } from '../support/recording.ts';
import { snapshotOf } from '../support/snapshots.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIXTURE = join(__dirname, '../fixtures/recording.jsonl.br');

const RECORDED = recording();

const lineOf = (snapshot: object): string => `${JSON.stringify(snapshot)}\n`;

function written(data: string | Buffer, name = 'r.br'): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, data);
  return path;
}

async function read(path: string, options?: ReadOptions): Promise<Snapshot[]> {
  const snapshots: Snapshot[] = [];
  for await (const snapshot of readRecording(path, options)) snapshots.push(snapshot);
  return snapshots;
}

/** A second after the other. */
function seconds(count: number, from = 0): Snapshot[] {
  return Array.from({ length: count }, (_, i) => ({
    ...snapshotOf({ processes: [{ pid: 7, energy_j: i }] }),
    time: new Date(Date.UTC(2026, 0, 1) + (from + i) * 1000).toISOString(),
  }));
}

describe('a recording', () => {
  it('is read as it was written, by brotli, gzip or neither', async () => {
    const names = { container_id: 'c', energy_j: 1 };
    const containers = { c: { names: { name: 'web', imageTags: ['1', '2'], k8sPod: 'p' } } };
    const snapshot = snapshotOf({ processes: [{ pid: 7, ...names }, { energy_j: 2 }], containers });
    const text = lineOf(snapshotJson(snapshot));
    for (const data of [text, gzipSync(text), brotliCompressSync(text)])
      expect(await read(written(data))).toEqual([snapshot]);
    expect(await read(FIXTURE)).toEqual(RECORDED);
  });

  it('that was cut off is read up to there, wherever it was cut', async () => {
    const whole = readFileSync(FIXTURE);
    const path = written(whole);
    const counts: number[] = [];
    for (const bytes of [0, 10, 5000, 100_000, whole.length - 1]) {
      writeFileSync(path, whole);
      truncateSync(path, bytes);
      const complained: string[] = [];
      const snapshots = await read(path, { complain: (line) => complained.push(line) });
      expect(complained).toEqual([]);
      expect(snapshots).toEqual(RECORDED.slice(0, snapshots.length));
      counts.push(snapshots.length);
    }
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    expect(counts[0]).toBe(0);
    expect(counts[3]).toBeGreaterThan(40);
  });

  it('that is damaged is read up to there, and that is told', async () => {
    const data = readFileSync(FIXTURE);
    data.fill(0xff, 150_000, 150_100);
    const complained: string[] = [];
    const path = written(data);
    const snapshots = await read(path, { complain: (line) => complained.push(line) });
    expect(snapshots.length).toBeGreaterThan(20);
    expect(complained).toEqual([
      expect.stringMatching(/r\.br is damaged \(.*\): what is before that is shown/),
    ]);
  });

  it.each<[string, object | string, string]>([
    ['text', 'hello', 'line 1 is no snapshot (no JSON)'],
    ['another schema', { ...seconds(1)[0], schema: 'x' }, 'line 1 is no snapshot (schema: '],
    ['no energy', { ...seconds(1)[0], totals: {} }, '(totals.counter_j: '],
    ['a figure of infinity', { ...seconds(1)[0], interval_s: 1e300 }, '(interval_s: '],
    [
      'a process without a name',
      { ...seconds(1)[0], processes: [{ pid: 1 }] },
      '(processes.0.creation_time: ',
    ],
    ['a time that is none', { ...seconds(1)[0], time: 'now' }, 'line 1 has no time'],
  ])('with %s is refused with a sentence', async (_name, line, message) => {
    const text = typeof line === 'string' ? `{${line}\n` : lineOf(line);
    const path = written(text);
    await expect(read(path)).rejects.toMatchObject({
      code: 'ERECORDING',
      exitCode: 2,
      message: expect.stringContaining(message),
    });
  });

  it('that is no file, or not there, is refused and not waited for', async () => {
    const fifo = join(temporaryDirectory(), 'fifo');
    execFileSync('mkfifo', [fifo]);
    await expect(read(fifo)).rejects.toMatchObject({ code: 'ERECORDING' });
    await expect(read('/nowhere')).rejects.toMatchObject({ message: expect.stringContaining('ENOENT') });
  });

  it('that would fill the memory is not kept in it', async () => {
    // Some hundred bytes, of which brotli makes a line of 100 MB.
    const path = written(brotliCompressSync(Buffer.alloc(100_000_000, 'a')));
    await expect(read(path)).rejects.toMatchObject({
      message: expect.stringMatching(/a line of more than \d+/),
    });
  });

  it('has the snapshots of a span', async () => {
    const path = written(seconds(10).map(lineOf).join(''));
    const at = (second: number): number => Date.UTC(2026, 0, 1, 0, 0, second);
    const found = await read(path, { span: { from: at(3), to: at(5) } });
    expect(found.map(({ time }) => Date.parse(time))).toEqual([at(3), at(4), at(5)]);
  });

  it('goes on in the files that it was rotated to, and never back in time, which is told', async () => {
    const path = written([...seconds(3, 6), ...seconds(2, 7)].map(lineOf).join(''));
    writeFileSync(`${path}.1`, brotliCompressSync(seconds(4, 3).map(lineOf).join('')));
    writeFileSync(`${path}.10`, gzipSync(seconds(3).map(lineOf).join('')));
    writeFileSync(`${path}.old`, 'nothing of it');
    expect(filesOf(path)).toEqual([`${path}.10`, `${path}.1`, path]);
    const complained: string[] = [];
    const snapshots = await read(path, { complain: (line) => complained.push(line) });
    expect(snapshots.map(({ time }) => new Date(time).getSeconds())).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(complained).toEqual([`3 of the snapshots in ${path} are left out: the clock had been set back`]);
  });
});

describe('a tape', () => {
  it('goes to and fro over files', async () => {
    const path = written(seconds(3, 6).map(lineOf).join(''));
    writeFileSync(`${path}.1`, seconds(6).map(lineOf).join(''));
    const tape = await Tape.open(path);
    const second = async (from: number, to: number): Promise<number[]> =>
      (await tape.read(from, to)).map(({ time }) => new Date(time).getSeconds());
    expect(tape.times).toHaveLength(9);
    expect(await second(0, 0)).toEqual([0]);
    expect(await second(1, 1)).toEqual([1]);
    expect(await second(4, 7)).toEqual([4, 5, 6, 7]);
    expect(await second(8, 8)).toEqual([8]);
    expect(await second(2, 3)).toEqual([2, 3]);
    expect(await second(7, 7)).toEqual([7]);
    expect(await second(5, 20)).toEqual([5, 6, 7, 8]);
    expect([tape.indexAt(0), tape.indexAt(tape.times[4]! - 1), tape.indexAt(Infinity)]).toEqual([0, 4, 8]);
    await tape.close();
  });

  it('is none where a file of somebody’s was named, which is not called damaged', async () => {
    const path = written('root:x:0:0:root:/root:/bin/sh\n'.repeat(20));
    const complained: string[] = [];
    await expect(Tape.open(path, { complain: (line) => complained.push(line) })).rejects.toMatchObject({
      exitCode: 2,
      message: `${path} is no recording of joules record`,
    });
    expect(complained).toEqual([]);
  });

  it('has what can be read where one of its files is damaged from its beginning, and that is told', async () => {
    const path = written(seconds(3).map(lineOf).join(''));
    writeFileSync(`${path}.1`, Buffer.alloc(1000, 'root:x:0'));
    const complained: string[] = [];
    const tape = await Tape.open(path, { complain: (line) => complained.push(line) });
    expect(tape.times).toHaveLength(3);
    expect(complained).toEqual([expect.stringContaining(`${path}.1 is damaged`)]);
  });

  it('is none where nothing was recorded', async () => {
    await expect(Tape.open(written(''))).rejects.toMatchObject({
      message: expect.stringMatching(/^there is no snapshot in /),
    });
  });
});
