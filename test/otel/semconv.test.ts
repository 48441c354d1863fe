// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as published from '@opentelemetry/semantic-conventions/incubating';
import { AggregationTemporality, DataPointType, type SumMetricData } from '@opentelemetry/sdk-metrics';
import { Ledger } from '../../src/ledger/ledger.ts';
import { producersOf } from '../../src/otel/producer.ts';
import { DEFAULT_LIMITS } from '../../src/settings/table.ts';
import conventions from '../fixtures/semantic-conventions/metrics.json';
import { snapshotOf } from '../support/snapshots.ts';

const documented = readFileSync(join(__dirname, '../../docs/metrics.md'), 'utf8');
/**
 * Values of hw.type, to which the conventions let others be added where none of theirs applies: a sensor of a processor's
 * supply counts what the series of `cpu` count as well.
 */
const TYPES = [...conventions['hw.type'], 'soc'];
/** All names of the conventions, as npm has them. */
const names = new Set<unknown>(Object.values(published));

interface Exported {
  readonly schemaUrl: string | undefined;
  readonly metrics: readonly SumMetricData[];
}

/** What is exported of a machine that has all there is. */
async function exported(): Promise<Exported> {
  const ledger = new Ledger(DEFAULT_LIMITS);
  const producer = producersOf(ledger)('push');
  const container_id = 'c'.repeat(64);
  for (let i = 0; i < 4; i++) {
    ledger.add(
      snapshotOf({
        source: {
          name: 'estimated',
          kind: 'estimated',
          scope: 'cpu',
          domain: 'cpu',
          attribution: null,
          estimate: { reference: 'a table', covers: 'server', digits: 2 },
        },
        processes: [
          { pid: 7, executable: 'node', energy_j: 2, container_id, cgroup: `/docker/${container_id}` },
          { pid: 8, executable: 'sh', energy_j: 1, cgroup: '/slurm/uid_1/job_7/step_0' },
        ],
        containers: {
          [container_id]: {
            container_runtime: 'docker',
            pod_uid: 'a1',
            names: {
              name: 'c',
              imageName: 'i',
              imageTags: ['1'],
              k8sContainer: 'c',
              k8sPod: 'p',
              k8sNamespace: 'n',
            },
          },
        },
        domains: [
          { id: 'dram:0', type: 'memory', kind: 'measured', parent: null, counter_j: 1 },
          { id: 'gpu:0', type: 'gpu', kind: 'measured', parent: 'package:0', counter_j: 1 },
          { id: 'soc:hwmon0', type: 'soc', kind: 'estimated', parent: null, counter_j: 1 },
          { id: 'psys:0', type: 'host', kind: 'measured', parent: null, counter_j: 9 },
        ],
        attribution: 'learned',
      }),
    );
    producer.delivered((await producer.collect()).resourceMetrics);
  }
  const { scopeMetrics } = (await producer.collect()).resourceMetrics;
  const [{ scope, metrics }] = scopeMetrics as [(typeof scopeMetrics)[0]];
  return { schemaUrl: scope.schemaUrl, metrics: metrics as SumMetricData[] };
}

const typeOf = (value: unknown): string =>
  Array.isArray(value) ? `${typeof value[0]}[]` : Number.isInteger(value) ? 'int' : typeof value;

describe('what is exported', () => {
  let all: Exported;
  beforeAll(async () => {
    all = await exported();
  });
  const metric = (name: string): SumMetricData => all.metrics.find((one) => one.descriptor.name === name)!;

  it('names the version of the conventions that it was compared with', () => {
    expect(all.schemaUrl).toBe(conventions.schema_url);
  });

  it.each(Object.entries(conventions.metrics))('has %s as the conventions have it', (name, expected) => {
    expect(names).toContain(name);
    const { descriptor, dataPoints, ...kind } = metric(name);
    // A counter is a monotonic sum.
    expect(expected.instrument).toBe('counter');
    expect(kind).toEqual({
      dataPointType: DataPointType.SUM,
      isMonotonic: true,
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
    });
    expect(descriptor.unit).toBe(expected.unit);
    const required = Object.entries(expected.attributes).filter(([, level]) => level === 'required');
    for (const { attributes } of dataPoints) {
      expect(Object.keys(attributes)).toEqual(expect.arrayContaining(required.map(([key]) => key)));
      const ofHardware = Object.keys(attributes).filter((key) => key.startsWith('hw.'));
      expect(Object.keys(expected.attributes)).toEqual(expect.arrayContaining(ofHardware));
      if (attributes['hw.type'] !== undefined) expect(TYPES).toContain(attributes['hw.type']);
    }
  });

  it('has attributes of the conventions by their names and types, and calls no other like them', () => {
    const pairs = all.metrics.flatMap(({ dataPoints }) =>
      dataPoints.flatMap(({ attributes }) => Object.entries(attributes)),
    );
    const types = new Map(pairs.map(([key, value]) => [key, typeOf(value)]));
    const ours = [...types].filter(([key]) => !(key in conventions.attributes));
    expect(ours.map(([key]) => key).toSorted()).toEqual([
      'cgroup.path',
      'energy.attribution',
      'energy.owner.name',
      'energy.owner.part',
      'energy.owner.type',
      'energy.reason',
      'energy.source.covers',
      'energy.source.kind',
    ]);
    for (const [key] of ours) expect(names).not.toContain(key);
    for (const [key, type] of Object.entries(conventions.attributes)) {
      expect(names).toContain(key);
      expect([key, types.get(key)]).toEqual([key, type]);
    }
  });

  it('calls its own metrics by names that the conventions have not given otherwise', () => {
    const own = all.metrics.map(({ descriptor }) => descriptor.name).filter((name) => !names.has(name));
    expect(own.toSorted()).toEqual(
      [
        ...['switches', 'lost', 'skipped', 'rebinds', 'gaps', 'resets', 'wraps', 'cpu.time', 'energy'].map(
          (name) => `energy.agent.${name}`,
        ),
        'cgroup.energy',
        'container.energy',
        'energy.attributed',
        'energy.unattributed',
        'process.energy',
      ].toSorted(),
    );
  });

  it('keeps to the rules of the conventions for names and units', () => {
    const all_names = all.metrics.map(({ descriptor }) => descriptor.name);
    for (const { descriptor } of all.metrics) {
      expect(descriptor.name).toMatch(/^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/);
      expect(descriptor.name).not.toMatch(/total$/);
      // UCUM, not prefixed; what is counted is an annotation in the singular.
      expect(descriptor.unit).toMatch(/^(?:J|s|\{[a-z]+[a-rt-z]\})$/);
      // A name is not the namespace of another.
      expect(all_names.filter((name) => name.startsWith(`${descriptor.name}.`))).toEqual([]);
    }
  });

  it('is in docs/metrics.md, metrics with their units and attributes, and nothing else is', () => {
    const rows = [...documented.matchAll(/^\| `([a-z.]+)` +\|[^|]*\| `([^`]+)` +\|([^|]*)\|/gm)];
    const table = new Map(
      rows.map(([, name, unit, list]) => [name!, { unit: unit!, keys: [...list!.matchAll(/`([^`]+)`/g)] }]),
    );
    const found = all.metrics.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      descriptor.unit,
      [...new Set(dataPoints.flatMap(({ attributes }) => Object.keys(attributes)))].toSorted(),
    ]);
    const told = [...table].map(([name, { unit, keys }]) => [
      name,
      unit,
      keys.map(([, key]) => key!).toSorted(),
    ]);
    const byName = (a: unknown[], b: unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
    expect(told.toSorted(byName)).toEqual(found.toSorted(byName));
  });
});
