// SPDX-License-Identifier: Apache-2.0
import { summary, table } from '../../src/cli/table.ts';
import type { Snapshot, ZoneUsage } from '../../src/model/snapshot.ts';
import type { Attribution } from '../../src/model/source.ts';
import { leastAttribution } from '../../src/attribution/least.ts';
import { snapshotOf } from '../support/snapshots.ts';

/** A second of packages, split in these ways, each of which shares 2 J. */
function packages(...attributions: readonly (Attribution | null)[]): Snapshot {
  const snapshot = snapshotOf({ processes: [{ pid: 7, energy_j: 3 }] });
  const zones = attributions.map((attribution, i): ZoneUsage => {
    return { ...snapshot.zones[0]!, id: `package:${i}`, attribution, shared_j: 2 };
  });
  const attribution = leastAttribution(attributions);
  return {
    ...snapshot,
    source: { name: 'power', kind: 'apportioned', scope: 'package', domain: 'cpu', attribution },
    totals: { ...snapshot.totals, unattributed_j: 2 * zones.length },
    unattributed: { gap_j: 0, lost_j: 0, shared_j: 2 * zones.length },
    zones,
  };
}

describe('the summary of an interval', () => {
  it('says how figures were split', () => {
    expect(summary(packages('learned'))).toMatch(/^4\.00 W apportioned by learned power \(power\) · /);
    expect(summary(packages('time', 'time'))).toMatch(/^4\.00 W apportioned by time \(power\) · /);
    expect(summary(packages(null))).toMatch(/^4\.00 W apportioned \(power\) · /);
    expect(summary(snapshotOf())).toMatch(/^1\.00 W measured \(power_core\) · /);
  });

  it('has no figures where no counter has told any: a 0 would be one', () => {
    const unknown = { ...packages(null), zones: [] };
    expect(summary(unknown)).toMatch(
      /^no figures of apportioned \(power\): no counter has moved · \d+ switches/,
    );
    const lines = table(unknown, { by: 'process', limit: 5 });
    expect(lines.at(-1)).toMatch(/^\s*7 +- +- /);
  });

  it('names the counters that were split by time where others were not', () => {
    expect(summary(packages('learned', 'time', null, 'time'))).toMatch(
      /^4\.00 W apportioned by learned power, package:1 and package:3 by time \(power\) · /,
    );
  });

  it('says what of the unattributed energy is drawn whoever runs', () => {
    expect(summary(packages('learned'))).toContain(' · unattributed 2.00 W (shared 2.00 W) · ');
    expect(summary(snapshotOf({ gap: 1 }))).toContain(' · unattributed 1.00 W · ');
  });
});
