// SPDX-License-Identifier: Apache-2.0
import { verification, verifyReport } from '../../src/cli/verify-report.ts';
import type { Check } from '../../src/verify/check.ts';
import { judge } from '../../src/verify/judge.ts';
import type { Observation } from '../../src/verify/observation.ts';
import { type Fault, type MachineOptions, runOn } from './machine.ts';

function check(observation: Observation, name: string): Check {
  return judge(observation).checks.find((one) => one.name === name)!;
}

/** How often each verdict was given, on machines that differ by chance alone. */
function verdicts(runs: number, options: Omit<MachineOptions, 'seed'>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let seed = 1; seed <= runs; seed++) {
    const { verdict } = judge(runOn({ ...options, seed }));
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  return counts;
}

describe('the judge', () => {
  it('passes a machine whose counters and shares are right, and says what the loads drew', () => {
    const { verdict, checks, loads } = judge(runOn({ seed: 1 }));
    expect(checks.filter(({ result }) => result !== 'pass')).toEqual([]);
    expect(verdict).toBe('PASS');
    expect(loads.map(({ load }) => load)).toEqual(['integer', 'memory']);
    expect(loads[0]!.drawn_w).toBeCloseTo(6, 0);
    expect(loads[1]!.alone_w).toBeCloseTo(2.5, 1);
  });

  it.each<[Fault, string, RegExp, Omit<MachineOptions, 'seed'>]>([
    ['whole', 'own', /counted several times/, {}],
    ['whole', 'own', /counted several times/, { cores: 8, coresPerZone: 4, kind: 'apportioned' }],
    ['half', 'response', /next to nothing/, { coresPerZone: 4, kind: 'apportioned' }],
    ['frozen', 'moves', /frozen/, {}],
    ['stops', 'moves', /stood still for .* frozen/, {}],
    ['scale', 'scale', /wrong scale/, {}],
    ['hidden', 'cpus', /hides CPU 3/, {}],
    ['noise', 'noise', /2\d % from update to update|1\d % from update to update/, {}],
    ['flicker', 'noise', /\d\d % from interval to interval/, { seconds: 120 }],
    ['open', 'ledger', /does not close/, {}],
    ['mixed', 'turns', /more than 5/, {}],
    ['idle', 'alone', /off by more/, {}],
    ['resets', 'gaps', /went back/, {}],
  ])('fails a machine with the fault %s for that reason (%s)', (fault, name, reason, options) => {
    for (let seed = 1; seed <= 10; seed++) {
      const observation = runOn({ ...options, fault, seed });
      const found = check(observation, name);
      expect(found).toMatchObject({ result: 'fail', text: expect.stringMatching(reason) });
      expect(judge(observation).verdict).toBe('FAIL');
    }
  });

  it('takes chance for a fault in none of 1,000 runs', () => {
    expect(verdicts(1000, { unsteady: 0.03 })).toEqual({ PASS: 1000 });
  });

  it('takes chance for a fault in none of 1,000 short runs', () => {
    expect(verdicts(1000, { seconds: 20, unsteady: 0.03 })).not.toHaveProperty('FAIL');
  });

  it.each([
    ['one counter for each core', {}],
    ['one for all', { coresPerZone: 4, kind: 'apportioned' as const }],
    ['one for each of two packages', { cores: 8, coresPerZone: 4, kind: 'apportioned' as const }],
  ])('takes what others do for a fault in none of 250 runs (%s)', (_, options) => {
    for (const others of [0.05, 0.1, 0.3, 0.5, 2])
      expect(verdicts(50, { others, unsteady: 0.03, ...options })).not.toHaveProperty('FAIL');
  });

  it('tells noise from updates that are seen late', () => {
    expect(check(runOn({ seed: 1, heldUp: true }), 'noise')).toMatchObject({
      result: 'pass',
      text: expect.stringContaining('from update to update'),
    });
    expect(check(runOn({ seed: 1, heldUp: true, fault: 'noise' }), 'noise')).toMatchObject({
      result: 'fail',
      text: expect.stringMatching(/[12]\d % from update to update/),
    });
  });

  it('cannot tell that a busy machine has a noisy counter, and says what part of it is busy', () => {
    const found = check(runOn({ seed: 1, fault: 'flicker', others: 2 }), 'noise');
    expect(found).toMatchObject({
      result: 'cannot tell',
      text: expect.stringMatching(/others used \d\d % of the CPUs/),
    });
  });

  it('judges no updates where a thread of ours that learns of them is there first', () => {
    const observation = runOn({ seed: 1, cores: 4, coresPerZone: 4, kind: 'apportioned', fault: 'noise' });
    expect(check(observation, 'noise').result).toBe('fail');
    const source = { ...observation.source, attribution: 'learned' as const };
    expect(check({ ...observation, source }, 'noise').result).toBe('pass');
    expect(check({ ...observation, source }, 'updates')).toMatchObject({
      result: 'not judged',
      text: expect.stringMatching(/learns from the counter/),
    });
  });

  it('says with its verdict that noise from update to update was not judged, and why', () => {
    const observation = runOn({ seed: 1, fault: 'noise' });
    const watch = observation.watch!;
    const few = { ...observation, watch: { ...watch, updates: watch.updates.slice(0, 30) } };
    expect(check(few, 'updates')).toMatchObject({
      result: 'not judged',
      text: expect.stringMatching(/too few updates/),
    });
    const fast = { ...observation, watch: { ...watch, reads: watch.updates.length } };
    expect(check(fast, 'updates').text).toMatch(/faster than it can be read/);
    expect(verifyReport(verification(few, judge(few), '1.0.0'))).toMatch(
      /^joules verify 1\.0\.0: PASS \(not judged: updates\)\n[^]*^not judged +updates +noise from update/m,
    );
  });

  it('says nothing of updates that it could judge, nor where there is no counter', () => {
    for (const options of [{ seed: 1 }, { seed: 1, kind: 'estimated' }] as const)
      expect(judge(runOn(options)).checks.map(({ name }) => name)).not.toContain('updates');
  });

  it('says of time split that it charges both loads alike, which is no fault of the machine', () => {
    const observation = runOn({ seed: 1, cores: 4, coresPerZone: 4, kind: 'apportioned' });
    const { verdict, checks } = judge(observation);
    const results = Object.fromEntries(checks.map(({ name, result }) => [name, result]));
    expect(results).toMatchObject({ turns: 'expected', apart: 'expected', free: 'expected', own: 'pass' });
    expect(check(observation, 'apart').text).toMatch(/split by time, which gives both/);
    expect(verdict).toBe('PASS');
  });

  it('judges powers that were learned of a package, once they are', () => {
    const learning = (learnedFrom: number, more: object = {}): Check =>
      check(
        runOn({ seed: 1, cores: 4, coresPerZone: 4, kind: 'apportioned', learnedFrom, ...more }),
        'turns',
      );
    expect(learning(0.1).result).toBe('pass');
    expect(learning(0.1, { fault: 'mixed' }).result).toBe('fail');
    expect(learning(0.6)).toMatchObject({
      result: 'cannot tell',
      text: expect.stringMatching(/still being learned/),
    });
  });

  it('judges time split of loads that draw alike as any other, since it is right there', () => {
    const observation = runOn({
      seed: 1,
      cores: 4,
      coresPerZone: 4,
      kind: 'apportioned',
      watts: { integer: 4, memory: 4 },
    });
    expect(check(observation, 'turns').result).toBe('pass');
  });

  it('cannot tell of a clock whether it counts energy', () => {
    const { verdict, checks } = judge(runOn({ seed: 1, clock: true, scope: 'cpu' }));
    const results = Object.fromEntries(checks.map(({ name, result }) => [name, result]));
    expect(results).toMatchObject({ turns: 'pass', apart: 'pass', free: 'pass', response: 'cannot tell' });
    expect(verdict).toBe('CANNOT TELL');
  });

  it('cannot tell anything of an estimate but that it closes', () => {
    const { verdict, checks, loads } = judge(runOn({ seed: 1, kind: 'estimated' }));
    expect(loads.map(({ drawn_w }) => drawn_w)).toEqual([null, null]);
    const results = Object.fromEntries(checks.map(({ name, result }) => [name, result]));
    expect(results).toMatchObject({ ledger: 'pass', moves: 'cannot tell', turns: 'expected' });
    expect(verdict).toBe('CANNOT TELL');
  });

  it('judges a machine of one core by what can be done there', () => {
    const { checks, verdict } = judge(runOn({ seed: 1, cores: 1 }));
    expect(checks.map(({ name }) => name)).not.toContain('apart');
    expect(verdict).toBe('PASS');
  });

  it('believes another counter of the same packages rather than what is merely possible', () => {
    const observation = runOn({ seed: 1 });
    const zones = observation.source.zones.map(({ id }) => id);
    const joules = observation.samples.reduce((total, { counterJoules }) => total + counterJoules, 0);
    const beside = (counted: number, relation: 'equals' | 'contains'): Check =>
      check(
        {
          ...observation,
          references: [{ name: 'power', id: 'package:0', joules: counted, zones, relation }],
        },
        'scale',
      );
    expect(beside(joules * 1.3, 'contains').result).toBe('pass');
    expect(beside(joules / 4, 'contains')).toMatchObject({
      result: 'fail',
      text: expect.stringMatching(/of which they are a part: wrong scale/),
    });
    expect(beside(joules * 1.005, 'equals').result).toBe('pass');
    expect(beside(joules * 4, 'equals').result).toBe('fail');
  });
});
