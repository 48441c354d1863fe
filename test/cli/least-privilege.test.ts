// SPDX-License-Identifier: Apache-2.0
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { hasClosedSensors, neededCapabilities } from '../../src/cli/least-privilege.ts';
import { privileges } from '../../src/cli/privileges.ts';
import { type Capability, effectiveCapabilities } from '../../src/host/capabilities.ts';
import type { Counter, EnergySource } from '../../src/model/source.ts';
import { sensorCounters } from '../../src/sources/sensors.ts';
import { emptyMachine } from '../support/machine.ts';

const SOURCE = { name: 'x', reader: 'bpf', auxiliary: [] } as unknown as EnergySource;
const ESTIMATED = { ...SOURCE, reader: 'user', counters: [] } as unknown as EnergySource;
const readVia = (via: string): EnergySource =>
  ({ ...ESTIMATED, counters: [{ location: { via } } as Counter] }) as EnergySource;
const ALL: ReadonlySet<Capability> = new Set([
  'CAP_DAC_READ_SEARCH',
  'CAP_KILL',
  'CAP_SYS_RAWIO',
  'CAP_SYS_PTRACE',
  'CAP_SYS_ADMIN',
  'CAP_PERFMON',
  'CAP_BPF',
]);

describe('the privileges that are kept', () => {
  const duties = {
    source: SOURCE,
    namesPrograms: true,
    namesContainers: false,
    readsToken: false,
    signals: false,
  };
  const root = { uid: 0, held: ALL, wants: { bpf: false, admin: false }, closedSensors: false };

  it.each<[string, object, object, Capability[]]>([
    ['to bind counters again and to name programs', {}, {}, ['CAP_PERFMON', 'CAP_SYS_PTRACE']],
    ['to name programs, of an estimate', { source: ESTIMATED }, {}, ['CAP_SYS_PTRACE']],
    [
      'to open the registers of a CPU that comes back',
      { source: readVia('msr') },
      {},
      ['CAP_SYS_PTRACE', 'CAP_SYS_RAWIO'],
    ],
    [
      'for counters of perf that user space reads',
      { source: readVia('perf') },
      {},
      ['CAP_PERFMON', 'CAP_SYS_PTRACE'],
    ],
    [
      'nothing for files of root as root',
      { source: readVia('powercap'), readsToken: true },
      {},
      ['CAP_SYS_PTRACE'],
    ],
    [
      "as root too for what users' container runtimes keep in their homes",
      { namesPrograms: false, namesContainers: true },
      {},
      ['CAP_PERFMON', 'CAP_DAC_READ_SEARCH'],
    ],
    [
      'once what two things need',
      { source: readVia('powercap'), namesPrograms: false, namesContainers: true },
      { uid: 1000 },
      ['CAP_DAC_READ_SEARCH'],
    ],
    [
      "for root's files as another user",
      { readsToken: true },
      { uid: 1000 },
      ['CAP_PERFMON', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'],
    ],
    [
      'for sensors that root alone may read as another user',
      { source: ESTIMATED, namesPrograms: false },
      { uid: 1000, closedSensors: true },
      ['CAP_DAC_READ_SEARCH'],
    ],
    [
      'none for sensors that everybody may read',
      { source: readVia('hwmon'), namesPrograms: false },
      { uid: 1000 },
      [],
    ],
    ['none that is not held', {}, { uid: 1000, held: new Set(['CAP_PERFMON', 'CAP_BPF']) }, ['CAP_PERFMON']],
    [
      'CAP_BPF where the kernel wants it for every call',
      { namesPrograms: false },
      { wants: { bpf: true, admin: false } },
      ['CAP_PERFMON', 'CAP_BPF'],
    ],
    [
      'CAP_SYS_ADMIN in the place of what is a part of it',
      { namesPrograms: false },
      { held: new Set(['CAP_SYS_ADMIN']), wants: { bpf: true, admin: false } },
      ['CAP_SYS_ADMIN'],
    ],
    [
      'CAP_SYS_ADMIN where the kernel wants it for perf events',
      { namesPrograms: false },
      { wants: { bpf: false, admin: true } },
      ['CAP_SYS_ADMIN'],
    ],
    ['to pass signals on', { namesPrograms: false, signals: true }, {}, ['CAP_PERFMON', 'CAP_KILL']],
  ])('%s', (_, ours, standing, kept) => {
    expect(neededCapabilities({ ...duties, ...ours }, { ...root, ...standing })).toEqual(kept);
  });
});

describe('sensors that root alone may read', () => {
  it.each([
    [0o444, false],
    [0o440, true],
    [0o400, true],
  ])('are those of mode %o: %s', (mode, closed) => {
    const machine = emptyMachine();
    machine.write('sys/class/hwmon/hwmon0/name', 'i915\n');
    machine.write('sys/class/hwmon/hwmon0/energy1_input', '1\n');
    chmodSync(join(machine.sys, 'class/hwmon/hwmon0/energy1_input'), mode);
    const source = { ...SOURCE, auxiliary: sensorCounters(machine.sys) };
    expect(source.auxiliary).toHaveLength(1);
    expect(hasClosedSensors(source)).toBe(closed);
  });
});

describe('what the doctor says of privileges', () => {
  const said = (...held: Capability[]): string =>
    privileges(new Set(held))
      .map(({ name, ok, detail }) => `${name} ${ok}: ${detail}`)
      .join('\n');

  it('is nothing more where all are there', () => {
    expect(said('CAP_BPF', 'CAP_PERFMON', 'CAP_SYS_PTRACE')).toBe('privileges true: CAP_BPF and CAP_PERFMON');
    expect(said('CAP_SYS_ADMIN', 'CAP_SYS_PTRACE')).toBe('privileges true: CAP_BPF and CAP_PERFMON');
  });

  it('is once what is missing, and the lines that grant it', () => {
    expect(said('CAP_BPF')).toMatch(
      /^privileges false: CAP_PERFMON missing: .*\nfull names false: CAP_SYS_PTRACE missing: .*15 characters.*\nsystemd null: AmbientCapabilities=CAP_BPF CAP_PERFMON CAP_SYS_PTRACE.*CapabilityBoundingSet=.*\nKubernetes null: .*add: \[BPF, PERFMON, SYS_PTRACE\]/,
    );
  });

  it('is that it is not known, without procfs', () => {
    expect(effectiveCapabilities('/nowhere')).toBeUndefined();
    expect(privileges(effectiveCapabilities('/nowhere'))).toEqual([
      expect.objectContaining({ ok: null, detail: expect.stringContaining('mount procfs') }),
    ]);
  });
});
