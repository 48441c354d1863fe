// SPDX-License-Identifier: Apache-2.0
import { findingLines, type Finding } from '../../src/cli/finding.ts';
import { outlook, rejections } from '../../src/cli/outlook.ts';
import type { EnergySource, Rejection, Selection } from '../../src/model/source.ts';

const ABSENT: Rejection = { name: 'power_core', reason: 'no PMU power_core', isAbsent: true };
const MSR: Rejection = { name: 'msr', reason: 'load the module msr (modprobe msr)' };
const POWER: Rejection = { name: 'power', reason: 'load rapl', isAbsent: true };
const HIDDEN: Rejection = { name: 'powercap', reason: 'root alone may read it' };

function selection(source: Partial<EnergySource>, rejected: readonly Rejection[]): Selection {
  return { source: { scope: 'package', ...source } as EnergySource, rejected };
}

const ESTIMATED = { name: 'estimated', kind: 'estimated', reader: 'none', scope: 'cpu' } as const;
const PACKAGES = { name: 'power', kind: 'apportioned', reader: 'user' } as const;
const CORES = { name: 'power_core', kind: 'measured', reader: 'bpf', scope: 'core' } as const;

/** The last sentence where measuring works and there is nothing else to mend. */
function end(found: Selection, isVirtual: boolean, findings: readonly Finding[] = []): string {
  const all = [...rejections(found, isVirtual), ...findings];
  return outlook({ failure: undefined, selection: found, isVirtual, findings: all });
}

describe('the last sentence of joules doctor', () => {
  it.each<[string, string, RegExp]>([
    [
      'a counter per core',
      end(selection(CORES, []), false),
      /^You will get measured Joules.*; joules verify /,
    ],
    ['packages', end(selection(PACKAGES, [ABSENT]), false), /what each package counted.*; joules verify /],
    [
      'cores that a module would show',
      end(selection(PACKAGES, [ABSENT, MSR]), false),
      /; for msr: load the module/,
    ],
    [
      'a virtual package',
      end(selection(PACKAGES, [ABSENT]), true),
      /; for measurements run joules on the host/,
    ],
    [
      'a virtual machine without',
      end(selection(ESTIMATED, [ABSENT, MSR]), true),
      /estimates.*run joules on the host/,
    ],
    ['a machine without', end(selection(ESTIMATED, [ABSENT, POWER]), false), /; for a counter: load rapl\.$/],
    [
      'a CPU that has none',
      end(selection(ESTIMATED, [ABSENT, { ...POWER, isHopeless: true }]), false),
      /estimates.*; give --watts-idle and --watts-busy if you know/,
    ],
    ['a counter for root', end(selection(ESTIMATED, [POWER, HIDDEN]), false), /; for powercap: root alone/],
    [
      'an event',
      end(selection({ ...CORES, name: 'perf:a/b/' }, []), false),
      /perf:a\/b\/ counts.*leave out --source/,
    ],
  ])('says of %s what one gets, and the one thing to do to get more', (_, sentence, words) => {
    expect(sentence).toMatch(words);
    expect(sentence).toMatch(/^[^.]+(\.\d[^.]*)*\.$/);
  });

  it('says what is to be mended first', () => {
    const names = { name: 'full names', ok: false, detail: 'CAP_SYS_PTRACE missing' };
    expect(end(selection(CORES, []), false, [names])).toMatch(/; but see to "full names" above\.$/);
  });

  it.each<[string, Partial<Parameters<typeof outlook>[0]>, RegExp]>([
    ['a user', { findings: [{ name: 'privileges', ok: false, detail: '' }] }, /^As this user .* as root/],
    [
      'a source that is not here',
      { selection: undefined },
      /^From that source nothing .* leave out --source/,
    ],
    ['a kernel', {}, /^Nothing can be measured here as yet: no BTF: use another\.$/],
  ])('says that nothing can be measured, by %s', (_, more, words) => {
    const found = selection(ESTIMATED, []);
    const prospect = { failure: 'no BTF: use another', selection: found, isVirtual: false, findings: [] };
    expect(outlook({ ...prospect, ...more })).toMatch(words);
  });
});

describe('sources that were passed over', () => {
  it('are normal in a virtual machine, and one line for people', () => {
    const found = rejections(selection(ESTIMATED, [ABSENT, MSR, POWER]), true);
    expect(findingLines(found)).toEqual([
      '  not here         power_core, msr, power: normal in a virtual machine',
    ]);
    expect(found.map(({ detail }) => detail)).toEqual([ABSENT, MSR, POWER].map(({ reason }) => reason));
  });

  it('are broken between words where a terminal is narrow, with what they are alone on a line', () => {
    const found = [{ name: 'BTF', ok: true, detail: 'a detail of some words that go on' }];
    expect(findingLines(found, 80)).toEqual(['+ BTF              a detail of some words that go on']);
    expect(findingLines(found, 57)).toHaveLength(1);
    expect(findingLines(found, 30)).toEqual(['+ BTF', '    a detail of some words', '    that go on']);
    for (let width = 24; width < 80; width++)
      expect(Math.max(...findingLines(found, width).map(({ length }) => length))).toBeLessThanOrEqual(width);
  });

  it('are bad where one is there and may not be read, virtual or not', () => {
    expect(findingLines(rejections(selection(ESTIMATED, [HIDDEN]), true))).toEqual([
      '- powercap         root alone may read it',
    ]);
  });

  it('are facts where another counter is there, and bad where there is none', () => {
    expect(rejections(selection(PACKAGES, [ABSENT]), false)).toMatchObject([{ ok: null }]);
    expect(rejections(selection(ESTIMATED, [ABSENT]), false)).toMatchObject([{ ok: false }]);
  });
});
