// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { selectSource } from '../../src/sources/select.ts';
import type { EnergySource } from '../../src/model/source.ts';
import { describeWatts } from '../../src/sources/estimated.ts';
import { publishedWatts } from '../../src/sources/watts.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const FIXTURES = join(__dirname, '../fixtures');

describe('watts per CPU', () => {
  it.each([
    ['amd-server-power-core', 0.7391, 2.2822, 'Cloud Carbon Footprint, EPYC 4th Gen'],
    ['amd-hidden-event', 0.4556, 1.9573, 'Cloud Carbon Footprint, EPYC 3rd Gen'],
    ['intel-server-2s', 0.6903, 4.0632, 'Cloud Carbon Footprint, Cascade Lake'],
    ['vm-none', 0.2346, 1.3227, 'SPECpower_ssj2008, EPYC 5th Gen'],
  ])('of %s come from the published table', (machine, idle, busy, reference) => {
    expect(publishedWatts(join(FIXTURES, 'proc', machine))).toEqual({
      idle,
      busy,
      reference,
      covers: 'server',
      digits: 2,
    });
  });

  describe('by CPU', () => {
    const proc = temporaryDirectory();

    it.each([
      ['GenuineIntel', 6, 0x2d, 7, 'Intel(R) Xeon(R) CPU E5-2660 0 @ 2.20GHz', 'Sandy Bridge'],
      ['GenuineIntel', 6, 0x3e, 4, 'Intel(R) Xeon(R) CPU E5-2680 v2 @ 2.80GHz', 'Ivy Bridge'],
      ['GenuineIntel', 6, 0x3f, 2, 'Intel(R) Xeon(R) CPU E5-2699 v3 @ 2.30GHz', 'Haswell'],
      ['GenuineIntel', 6, 0x4f, 1, 'Intel(R) Xeon(R) CPU E5-2699 v4 @ 2.20GHz', 'Broadwell'],
      ['GenuineIntel', 6, 0x55, 4, 'Intel(R) Xeon(R) Platinum 8180 CPU @ 2.50GHz', 'Skylake'],
      ['GenuineIntel', 6, 0x5e, 3, 'Intel(R) Core(TM) i7-6700 CPU @ 3.40GHz', 'Skylake'],
      ['GenuineIntel', 6, 0x55, 7, 'Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz', 'Cascade Lake'],
      ['GenuineIntel', 6, 0x55, 11, 'Intel(R) Xeon(R) Platinum 8380H CPU @ 2.90GHz', 'mean of servers'],
      ['GenuineIntel', 6, 0x9e, 10, 'Intel(R) Xeon(R) E-2176G CPU @ 3.70GHz', 'Coffee Lake'],
      ['GenuineIntel', 6, 0x9e, 9, 'Intel(R) Core(TM) i7-7700 CPU @ 3.60GHz', 'mean of servers'],
      ['GenuineIntel', 6, 0x6a, 6, 'Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz', 'Ice Lake'],
      ['GenuineIntel', 6, 0x8f, 8, 'Intel(R) Xeon(R) Platinum 8480+', 'Sapphire Rapids'],
      ['GenuineIntel', 6, 0xcf, 2, 'INTEL(R) XEON(R) PLATINUM 8592+', 'Emerald Rapids'],
      ['GenuineIntel', 6, 0xad, 1, 'Intel(R) Xeon(R) 6980P', 'Granite Rapids'],
      ['GenuineIntel', 15, 6, 4, 'Intel(R) Pentium(R) D CPU 3.00GHz', 'mean of servers'],
      ['AuthenticAMD', 23, 0x01, 2, 'AMD EPYC 7601 32-Core Processor', 'EPYC 1st Gen'],
      ['AuthenticAMD', 23, 0x01, 1, 'AMD Ryzen 7 1700 Eight-Core Processor', 'mean of servers'],
      ['AuthenticAMD', 23, 0x31, 0, 'AMD EPYC 7742 64-Core Processor', 'EPYC 2nd Gen'],
      ['AuthenticAMD', 23, 0x31, 0, 'AMD EPYC-Rome Processor', 'EPYC 2nd Gen'],
      ['AuthenticAMD', 25, 0x01, 1, 'AMD EPYC 7763 64-Core Processor', 'EPYC 3rd Gen'],
      ['AuthenticAMD', 25, 0xa0, 2, 'AMD EPYC 9754 128-Core Processor', 'EPYC 4th Gen'],
      ['AuthenticAMD', 26, 0x11, 0, 'AMD EPYC 9965 192-Core Processor', 'EPYC 5th Gen'],
      ['AuthenticAMD', 26, 0x44, 0, 'AMD Ryzen 9 9950X 16-Core Processor', 'mean of servers'],
    ])('%s %i/%i/%i (%s) is %s', (vendor, family, model, stepping, name, row) => {
      const lines = [
        `processor\t: 0`,
        `vendor_id\t: ${vendor}`,
        `cpu family\t: ${family}`,
        `model\t\t: ${model}`,
        `model name\t: ${name}`,
        `stepping\t: ${stepping}`,
      ];
      writeFileSync(join(proc, 'cpuinfo'), `${lines.join('\n')}\n\nprocessor\t: 1\n`);
      expect(publishedWatts(proc).reference.split(', ')[1]).toBe(row);
    });

    it('are the mean of the table if it is unknown', () => {
      writeFileSync(join(proc, 'cpuinfo'), 'processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n');
      const mean = {
        idle: 0.9,
        busy: 4,
        reference: 'unknown CPU, mean of servers',
        covers: 'server',
        digits: 1,
      };
      expect(publishedWatts(proc)).toEqual(mean);
      expect(publishedWatts(join(proc, 'nowhere'))).toEqual(mean);
    });
  });
});

describe('watts in words', () => {
  it.each([
    [
      'a CPU that is known',
      { idle: 0.6903, busy: 4.0632, reference: 'a table', covers: 'server', digits: 2 },
      'a table (a whole server at the wall), 0.69-4.1 W per CPU',
    ],
    [
      'a user',
      { idle: 0.125, busy: 12.5, reference: '--watts-idle and --watts-busy', covers: 'cpu', digits: 4 },
      '--watts-idle and --watts-busy, 0.125-12.5 W per CPU',
    ],
  ] as const)('of %s have the digits that are known, and say what they cover', (_, watts, words) => {
    expect(describeWatts(watts)).toBe(words);
  });
});

describe('an estimate', () => {
  const estimate = (watts: { wattsIdle?: number; wattsBusy?: number }, spec = 'estimated'): EnergySource =>
    selectSource({
      spec,
      sys: join(FIXTURES, 'sys/intel-laptop'),
      proc: join(FIXTURES, 'proc/intel-laptop'),
      ...watts,
    }).source;

  it('has a zone for every hardware thread', () => {
    const source = estimate({});
    expect(source).toMatchObject({ name: 'estimated', kind: 'estimated', reader: 'none', scope: 'cpu' });
    expect(source.zones).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({ id: `cpu:${n}`, cpus: [n], lead: n })),
    );
  });

  it('goes by the watts it is given', () => {
    const watts = { idle: 0, busy: 4.5, reference: '--watts-idle and --watts-busy', covers: 'cpu' };
    expect(estimate({ wattsIdle: 0, wattsBusy: 4.5 })).toMatchObject({ watts });
  });

  it('does not replace a counter because watts are given', () => {
    expect(estimate({ wattsIdle: 0, wattsBusy: 4.5 }, 'auto').name).toBe('power');
  });

  it.each([
    [{ wattsIdle: 1 }, 'belong together: give both'],
    [{ wattsBusy: 1 }, 'belong together: give both'],
    [
      { wattsIdle: 2, wattsBusy: 1 },
      '--watts-idle 2 and --watts-busy 1 cannot be: 0 <= idle <= busy is needed',
    ],
    [{ wattsIdle: -1, wattsBusy: 1 }, 'cannot be'],
    [{ wattsIdle: 1, wattsBusy: Infinity }, 'cannot be'],
    [{ wattsIdle: NaN, wattsBusy: 1 }, 'cannot be'],
    [{ wattsIdle: 1, wattsBusy: NaN }, 'cannot be'],
  ])('refuses %j', (watts, message) => {
    for (const spec of ['estimated', 'auto']) {
      expect(() => estimate(watts, spec)).toThrow(expect.objectContaining({ code: 'EUSAGE', exitCode: 2 }));
      expect(() => estimate(watts, spec)).toThrow(message);
    }
  });
});
