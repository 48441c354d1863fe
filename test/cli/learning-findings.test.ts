// SPDX-License-Identifier: Apache-2.0
import { learningFindings } from '../../src/cli/learning-findings.ts';
import type { Finding } from '../../src/cli/finding.ts';
import type { ZoneUsage } from '../../src/model/snapshot.ts';
import type { Attribution } from '../../src/model/source.ts';
import type { PackageLearning } from '../../src/probe/addon.ts';
import { snapshotOf } from '../support/snapshots.ts';

const LEARNING: PackageLearning = {
  zone: 0,
  state: 'learning',
  error: 0,
  periodNs: 1e6,
  jitterNs: 9870,
  edgeNs: 20_000,
  windows: { used: 142, wide: 2, length: 1, lost: 0, energy: 0 },
  burstMs: 300,
  cpuNs: 1e6,
};

/** What is said of the first package whose counter is called so, in an interval that was split so. */
function find(
  its: Partial<PackageLearning>,
  attribution: Attribution | null = 'time',
  restarts = 0,
): Finding[] {
  const zone: ZoneUsage = { ...snapshotOf().zones[0]!, id: 'package:0', attribution };
  const source = { zones: [{ id: 'package:0', cpus: [0, 1], lead: 0 }] };
  return learningFindings(
    source,
    { packages: [{ ...LEARNING, ...its }], restarts, cores: null },
    { zones: [zone] },
  );
}

describe('of learning from packages the doctor says', () => {
  it('that a package is split by learned power, and by what', () => {
    expect(find({}, 'learned')).toEqual([
      {
        name: 'package:0',
        ok: true,
        detail:
          'split by learned power: its counter moves every 1 ms ± 9.87 µs, 142 windows learned from, 3 not (mostly an update was not seen exactly), 300 ms a second',
      },
    ]);
  });

  it('for what most windows are not learned from', () => {
    const windows = (unused: Partial<PackageLearning['windows']>): string =>
      find({ windows: { used: 9, wide: 0, length: 0, lost: 0, energy: 0, ...unused } }, 'learned')[0]!.detail;
    expect(windows({})).toContain(', 9 windows learned from, 0 not, 300 ms');
    expect(windows({ length: 2, lost: 1 })).toContain(', 3 not (mostly an update was missed), ');
    expect(windows({ lost: 1 })).toContain(', 1 not (mostly switches were lost), ');
    expect(windows({ energy: 5 })).toContain(', 5 not (mostly the energy cannot be), ');
  });

  it('that one is still split by time, though it is learned from', () => {
    const [{ ok, detail }] = find({}) as [Finding];
    expect(ok).toBeNull();
    expect(detail).toMatch(/^split by time as yet: its counter moves every 1 ms .*; what runs draws alike/);
  });

  it.each<[Partial<PackageLearning>, boolean | null, RegExp]>([
    [{ state: 'calibrating' }, null, /^split by time: it is not known yet/],
    [
      { state: 'virtual', periodNs: 1e9, jitterNs: 1e6 },
      null,
      /: its counter moves every 1 s ± 1 ms, so it is virtual, and its host shares energy/,
    ],
    [
      { state: 'period', periodNs: 12e6 },
      false,
      /: its counter moves every 12 ms, too rarely to learn from \(5 ms at most\)$/,
    ],
    [{ state: 'period', periodNs: 0 }, false, /: its counter moves all the time, as a clock does/],
    [
      { state: 'elsewhere', error: -22 },
      false,
      /: we may not run on the CPU that reads it \(EINVAL\): do not bind us/,
    ],
    [{ state: 'unreadable', error: -13 }, false, /: its counter cannot be read on its CPU \(EACCES\)$/],
    [{ state: 'unmoved' }, false, /: its counter does not move/],
    [{ state: 'unsteady' }, false, /: its counter moves at no steady times/],
    [{ state: 'noise' }, false, /: hardly any update of its counter can be seen/],
  ])('why one is split by time: %j', (its, ok, detail) => {
    expect(find(its)).toEqual([{ name: 'package:0', ok, detail: expect.stringMatching(/^split by time: /) }]);
    expect(find(its)[0]!.detail).toMatch(detail);
  });

  it('that what was learned had to be forgotten', () => {
    expect(find({}, 'learned', 1).at(-1)).toMatchObject({
      name: 'learning',
      ok: null,
      detail: expect.stringMatching(/^began anew once, /),
    });
    expect(find({}, 'learned', 3).at(-1)!.detail).toMatch(/^began anew 3 times, /);
  });
});
