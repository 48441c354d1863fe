// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCpuList } from '../../src/host/cpus.ts';
import { findHierarchy } from '../../src/host/hierarchy.ts';
import { bootTimeMs, creationTimeOf, parseStat } from '../../src/host/procfs.ts';
import { EnergyError } from '../../src/model/errors.ts';

/** In memory: it is written anew for each run. */
let proc: string;
beforeAll(() => {
  proc = mkdtempSync('/dev/shm/joules-test-');
  mkdirSync(join(proc, 'self'));
});
afterAll(() => rmSync(proc, { recursive: true }));

const RUNS = { numRuns: 10_000 };

/** Text made of such parts, now and then of anything. */
function textOf(...parts: string[]): fc.Arbitrary<string> {
  return fc.oneof(
    {
      weight: 9,
      arbitrary: fc.array(fc.constantFrom(...parts), { maxLength: 30 }).map((all) => all.join('')),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  );
}

/** A line as it should be in which one place was overwritten, by whatever. */
function damaged(line: string): fc.Arbitrary<string> {
  const place = fc.nat(line.length);
  const written = fc.oneof(
    textOf('-', ' ', '/', '\\040', '\\', '..', ',', '9'),
    fc.string({ unit: 'binary' }),
  );
  return fc
    .tuple(place, fc.nat(20), written)
    .map(([at, length, text]) => line.slice(0, at) + text + line.slice(at + length));
}

describe('whatever the kernel or somebody else has written is read, or left out', () => {
  it('lists of CPUs: what a kernel can mean, each once', () => {
    fc.assert(
      fc.property(textOf('0', '1', '7', '9', '-', ',', '\n', ' ', '0-3', '8191', '99999999999'), (text) => {
        const cpus = parseCpuList(text);
        expect(new Set(cpus).size).toBe(cpus.length);
        expect(cpus.every((cpu) => Number.isInteger(cpu) && cpu >= 0 && cpu < 8192)).toBe(true);
      }),
      RUNS,
    );
    const range = fc.tuple(fc.nat(300), fc.nat(20)).map(([from, more]) => [from, from + more] as const);
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 8 }), (ranges) => {
        const text = ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join();
        const all = ranges.flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => from + i));
        expect(new Set(parseCpuList(`${text}\n`))).toEqual(new Set(all));
      }),
      RUNS,
    );
  });

  it('the time of boot: a time, or what is wrong in a line', () => {
    const seen = { taken: 0, refused: 0 };
    const text = fc.oneof(
      textOf('btime ', '\n', '1700000000', '9', '-', 'cpu 1 2 3\n', '\nbtime 1\n'),
      fc.bigInt({ min: 0n, max: 2n ** 65n }).map((btime) => `cpu 1\nbtime ${btime}\n`),
    );
    fc.assert(
      fc.property(text, (stat) => {
        writeFileSync(join(proc, 'stat'), stat);
        try {
          expect(Number.isFinite(Date.parse(creationTimeOf(1e18, bootTimeMs(proc))))).toBe(true);
          seen.taken++;
        } catch (error) {
          if (!(error instanceof EnergyError)) throw error;
          expect(error.message).toMatch(/^[^\n]{10,600}$/);
          seen.refused++;
        }
      }),
      RUNS,
    );
    expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(RUNS.numRuns / 100);
  });

  it('what /proc/PID/stat says: the start behind whatever the name is, or nothing', () => {
    const rest = 'S 1 7 7 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0';
    const name = textOf('(', ')', ' ', 'a', ') S 1 2', '\n', '\\', '\u00e4');
    fc.assert(
      fc.property(name, fc.nat(), (comm, start) => {
        expect(parseStat(`7 (${comm}) ${rest} ${start} 0 0`)).toEqual({
          startTicks: start,
          kernelThread: false,
          parentPid: 1,
          zombie: false,
        });
      }),
      RUNS,
    );
    fc.assert(
      fc.property(damaged(`7 (sh) ${rest} 4711 0 0`), (stat) => {
        const found = parseStat(stat);
        expect(found === undefined || typeof found.startTicks === 'number').toBe(true);
      }),
      RUNS,
    );
  });

  it('mounts: a hierarchy that is there, or none', () => {
    const lines = [
      '36 35 0:31 / / rw shared:9 - cgroup2 cgroup2 rw,nsdelegate',
      '40 35 0:33 /docker/a\\040b /tmp rw - cgroup cgroup rw,memory',
      '41 35 0:33 /../.. /proc rw master:1 - cgroup cgroup rw,cpu,cpuacct',
    ];
    const mountinfo = fc
      .array(fc.oneof(...lines.map(damaged), fc.constantFrom(...lines)), { maxLength: 4 })
      .map((all) => all.join('\n'));
    const seen = { 1: 0, 2: 0, none: 0 };
    fc.assert(
      fc.property(mountinfo, damaged('memory\t4\t10\t1\n'), (mounts, controllers) => {
        writeFileSync(join(proc, 'self/mountinfo'), mounts, 'latin1');
        writeFileSync(join(proc, 'cgroups'), controllers);
        const { version, controller, id, mount } = findHierarchy(proc);
        expect(controller === null).toBe(version === 2);
        expect(Number.isNaN(id)).toBe(false);
        if (mount === null) expect(version).toBe(2);
        else expect(mount.startsWith('/')).toBe(true);
        seen[mount === null ? 'none' : version]++;
      }),
      RUNS,
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS.numRuns / 100);
  });
});
