// SPDX-License-Identifier: Apache-2.0
import { attribute } from '../../src/attribution/attribute.ts';
import { createAuxiliary } from '../../src/attribution/auxiliary.ts';
import { createIdentifier } from '../../src/identity/identify.ts';
import { createNamer } from '../../src/identity/namer.ts';
import type { KnownContainer } from '../../src/model/container.ts';
import { NO_COUNTER_EVENTS } from '../../src/model/counter-events.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { SwitchedSource } from '../../src/model/source.ts';
import { LIFECYCLE, NO_PROCESS } from '../../src/probe/columns.ts';
import { buildSnapshot } from '../../src/snapshot/build.ts';
import { createFilter, type Patterns } from '../../src/snapshot/filter.ts';
import { snapshotJson } from '../../src/snapshot/json.ts';
import { sum } from '../../src/util/sum.ts';
import { columnsOf } from '../support/columns.ts';

const ID = '4f0c1d2e3b4a5968778695a4b3c2d1e0f00112233445566778899aabbccddeef';
const CORE = { id: '0:0', package: '0', cpus: [0] };
const source: SwitchedSource = {
  name: 'power_core',
  scope: 'core',
  domain: 'cpu',
  reader: 'bpf',
  kind: 'measured',
  event: { type: 9, config: 1n, config1: 0n, config2: 0n },
  joulesPerCount: 0.5,
  idlePays: false,
  maxWatts: 0,
  auxiliary: [],
  zones: [{ id: 'core:0:0', cpus: [0], lead: 0 }],
};

/** 2 s in which two services, one in a container of two cgroups, and somebody unknown ran; 40 J were counted. */
async function snapshotOf(options: {
  patterns?: Patterns;
  ownPid?: number;
  asked?: KnownContainer[];
  /** Where the container's cgroup is. */
  slice?: string;
}): Promise<Snapshot> {
  const { patterns = {}, ownPid = 0, asked, slice = '/system.slice' } = options;
  const columns = columnsOf({
    rows: [
      { cpu: 0, pid: 0, ms: 1000, counts: 20 },
      { cpu: 0, pid: 11, start: 1e9, cgroup: 101, ms: 500, counts: 40, uncertain: 2, comm: 'nginx' },
      { cpu: 0, pid: 12, start: 1e9, cgroup: 102, ms: 250, counts: 8, uncertain: 1, comm: 'sh' },
      { cpu: 0, pid: 13, start: 2e9, cgroup: 103, ms: 125, counts: 6, uncertain: 1, comm: 'cron' },
      { cpu: 0, pid: NO_PROCESS, cgroup: 103, ms: 125, counts: 2, uncertain: 4 },
    ],
    cpus: [{ cpu: 0, counts: 78, gap: 2, lost: 2, switches: 9, lostRows: 1 }],
    // The same start as that of process 11, which lives on.
    lifecycle: [
      [LIFECYCLE.exec, 12, 1e9, 'backup'],
      [LIFECYCLE.exit, 12, 1e9],
    ],
    cgroups: {
      101: `${slice}/docker-${ID}.scope`,
      102: `${slice}/docker-${ID}.scope/worker`,
      103: '/cron',
    },
  });
  const hierarchy = {
    version: 2,
    controller: null,
    id: 0,
    mount: null,
    mountRoot: '/',
    atRoot: true,
  } as const;
  const identifier = createIdentifier({ proc: '/nowhere', hierarchy, bootTimeMs: 0 });
  identifier.beginInterval(columns);
  const charges = attribute(columns, source, [CORE]);
  const namer = createNamer({
    sources: [
      (containers) => {
        asked?.push(...containers);
        return Promise.resolve(new Map([[ID, { name: 'web', imageTags: ['1.25'], k8sNamespace: 'shop' }]]));
      },
    ],
    log: () => {},
  });
  return buildSnapshot({
    interval: { columns, source, seconds: 2, skipped: 0, ...NO_COUNTER_EVENTS, gaps: 1 },
    charges: { ...charges, ...createAuxiliary().charge(source, charges.zones, new Map()) },
    identifier,
    filter: createFilter(patterns),
    namer: asked && namer,
    ownPid,
    lostEvents: 3,
  });
}

const brief = ({ processes }: Snapshot): unknown[] =>
  processes.map(({ pid, executable, exited }) => [pid, executable, exited]);

describe('a snapshot', () => {
  it('closes, whatever is filtered', async () => {
    for (const patterns of [{}, { include: ['nginx'] }, { exclude: ['/system*'] }, { exclude: ['/*'] }]) {
      const { totals, unattributed, processes, cgroups, zones } = await snapshotOf({ patterns });
      expect(totals).toEqual({ counter_j: 40, process_j: 28, idle_j: 10, unattributed_j: 2 });
      expect(unattributed).toEqual({ gap_j: 1, lost_j: 1, shared_j: 0 });
      expect(sum(processes.map(({ energy_j }) => energy_j))).toBe(28);
      expect(sum(cgroups.map(({ energy_j }) => energy_j))).toBe(28);
      expect(zones).toEqual([
        {
          id: 'core:0:0',
          parent: null,
          counter_j: 40,
          idle_j: 10,
          gap_j: 1,
          lost_j: 1,
          shared_j: 0,
          attribution: null,
        },
      ]);
    }
  });

  it('says who used what, in Joules, watts and seconds', async () => {
    const { processes, cores, interval_s } = await snapshotOf({});
    expect(interval_s).toBe(2);
    expect(cores).toEqual([{ id: '0:0', cpus: [0], counter_j: 38, idle_j: 10 }]);
    expect(processes[0]).toEqual({
      pid: 11,
      creation_time: '1970-01-01T00:00:01.000Z',
      executable: 'nginx',
      cgroup: `/system.slice/docker-${ID}.scope`,
      container_id: ID,
      energy_j: 20,
      energy_err_j: 1,
      power_w: 10,
      cpu_time_s: 0.5,
      exited: false,
      kernel: false,
    });
  });

  it('tells of a process that ended and what it became, but not of one that began at the same moment', async () => {
    expect(brief(await snapshotOf({}))).toEqual([
      [11, 'nginx', false],
      [12, 'backup', true],
      [13, 'cron', false],
      [null, '(other)', false],
    ]);
  });

  it('has what has no process, and what is filtered out, in one row', async () => {
    const other = async (patterns: Patterns): Promise<unknown> =>
      (await snapshotOf({ patterns })).processes.find(({ pid }) => pid === null);
    const lost = { pid: null, creation_time: null, executable: '(other)', cgroup: null, container_id: null };
    const rest = { ...lost, exited: false, kernel: false };
    expect(await other({})).toEqual({
      ...rest,
      energy_j: 1,
      energy_err_j: 2,
      power_w: 0.5,
      cpu_time_s: 0.125,
    });
    // The largest error that they can have together.
    expect(await other({ exclude: ['cron', 'backup'] })).toEqual({
      ...rest,
      energy_j: 8,
      energy_err_j: 3,
      power_w: 4,
      cpu_time_s: 0.5,
    });
  });

  it('has cgroups that are filtered out in one row, and none for what executables say', async () => {
    const { cgroups } = await snapshotOf({ patterns: { exclude: ['/system*'] } });
    expect(cgroups).toMatchObject([
      { id: '103', path: '/cron', energy_j: 4, power_w: 2, cpu_time_s: 0.25 },
      { id: '(other)', path: '(other)', container_id: null, energy_j: 24, power_w: 12, cpu_time_s: 0.75 },
    ]);
    expect((await snapshotOf({ patterns: { exclude: ['/cron'] } })).cgroups.at(-1)).toMatchObject({
      path: '(other)',
      energy_j: 4,
    });
    expect((await snapshotOf({ patterns: { exclude: ['nginx'] } })).cgroups).toHaveLength(3);
  });

  it('asks for the names of a container that a user made, or only called so, as that of the user', async () => {
    const asked: KnownContainer[] = [];
    const slice = '/user.slice/user-1000.slice/user@1000.service/app.slice';
    const { cgroups } = await snapshotOf({ asked, slice });
    expect(asked).toEqual([{ containerId: ID, runtime: 'docker', podUid: null, user: 1000 }]);
    expect(cgroups.map(({ container_id: id, names }) => [id, names])).toEqual([
      [ID, undefined],
      [ID, undefined],
      [null, undefined],
    ]);
  });

  it('names all cgroups of a container, and asks for its names once', async () => {
    const asked: KnownContainer[] = [];
    const { cgroups } = await snapshotOf({ asked });
    expect(asked).toEqual([{ containerId: ID, runtime: 'docker', podUid: null }]);
    const names = { name: 'web', imageTags: ['1.25'], k8sNamespace: 'shop' };
    expect(cgroups.map((cgroup) => [cgroup.container_id, cgroup.names])).toEqual([
      [ID, names],
      [ID, names],
      [null, undefined],
    ]);
  });

  it('counts what the meter itself used even where a filter leaves it out, and what it lost', async () => {
    const patterns = { exclude: ['*'] };
    expect((await snapshotOf({ ownPid: 13, patterns })).self).toEqual({
      energy_j: 3,
      cpu_time_s: 0.125,
      switches: 9,
      lost: 4,
      skipped: 0,
      rebinds: 0,
      gaps: 1,
      resets: 0,
      wraps: 0,
      series: 0,
    });
    expect((await snapshotOf({})).self).toMatchObject({ energy_j: 0, cpu_time_s: 0 });
  });

  it('is printed as it is, with the names of containers under the keys of the semantic conventions', async () => {
    const plain = await snapshotOf({});
    expect(snapshotJson(plain)).toEqual(plain);
    const named = await snapshotOf({ asked: [] });
    const { cgroups } = snapshotJson(named) as Snapshot;
    const names = { 'container.name': 'web', 'container.image.tags': ['1.25'], 'k8s.namespace.name': 'shop' };
    expect(cgroups[0]).toEqual({ ...named.cgroups[0], names });
    expect(cgroups[2]).toBe(named.cgroups[2]);
  });
});
