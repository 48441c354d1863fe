// SPDX-License-Identifier: Apache-2.0
import { ValueType, type Attributes } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type CollectionResult,
  type DataPoint,
  type MetricDescriptor,
  type ScopeMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import type { Ledger, LedgerReader } from '../ledger/ledger.ts';
import {
  type DomainOwner,
  type HardwareOwner,
  type LedgerReading,
  type SelfOwner,
  type SeriesReading,
} from '../ledger/reading.ts';
import { ownerOf } from '../identity/owner.ts';
import { WallClock } from '../util/wall-clock.ts';
import type { CreateProducer, DeliverableProducer } from './deliverable.ts';
import { type Mode, pointsOf, type ToPoints } from './points.ts';
import { containerAttributes } from '../snapshot/json.ts';
import * as names from './semconv.ts';

export interface ProducerOptions {
  readonly reader: LedgerReader;
  readonly mode: Mode;
  readonly clock?: WallClock;
  /** Attributes of series, made once for all producers of a ledger; what is written of them can be kept, too. */
  readonly attributes?: WeakMap<object, Attributes>;
}

/**
 * A reader's view of the ledger as a source of metrics. Readers may split lists of points, but keep the points.
 *
 * A host application stops exporting altogether if a producer rejects, so `collect()` always resolves.
 */
export function createMetricProducer({
  reader,
  mode,
  clock = new WallClock(),
  attributes = new WeakMap(),
}: ProducerOptions): DeliverableProducer {
  let series = new Map<object, SeriesReading<unknown>>();
  return {
    collect() {
      series = new Map();
      const reading = reader.collect();
      if (!reading) return Promise.resolve(answer(undefined));
      const toPoints = pointsOf(mode, reading, clock);
      const remember: ToPoints = (one, itsAttributes) => {
        const points = toPoints(one, itsAttributes);
        const last = points.at(-1);
        if (last) series.set(last, one);
        return points;
      };
      return Promise.resolve(answer(toScopeMetrics(reading, remember, mode, attributes)));
    },
    delivered({ scopeMetrics }) {
      const points = scopeMetrics.flatMap(({ metrics }) =>
        metrics.flatMap(({ dataPoints }) => dataPoints as object[]),
      );
      reader.received(points.map((point) => series.get(point)).filter((one) => one !== undefined));
    },
    latestMs: () => reader.latestMs(),
    close: () => reader.close(),
  };
}

/** The producers of a ledger's readers. */
export function producersOf(ledger: Pick<Ledger, 'reader'>): CreateProducer {
  const clock = new WallClock();
  const attributes = new WeakMap<object, Attributes>();
  return (mode) =>
    createMetricProducer({ reader: ledger.reader({ delayed: mode === 'scrape' }), mode, clock, attributes });
}

/** The answer of a producer: nothing known, no metrics, never a false zero. */
export function answer(scopeMetrics: ScopeMetrics | undefined, errors: unknown[] = []): CollectionResult {
  // Readers put their own resource in the place of this one.
  const some = scopeMetrics && scopeMetrics.metrics.length > 0 ? [scopeMetrics] : [];
  return { resourceMetrics: { resource: emptyResource(), scopeMetrics: some }, errors };
}

/** All our metrics are sums of numbers. */
export interface SumMetric extends SumMetricData {
  readonly dataPoints: DataPoint<number>[];
}

export interface SumScopeMetrics extends ScopeMetrics {
  readonly metrics: SumMetric[];
}

/** The metrics of one reading, those without points left out. `known`: attributes of series, made once. */
function toScopeMetrics(
  reading: LedgerReading,
  toPoints: ToPoints,
  mode: Mode,
  known: WeakMap<object, Attributes> = new WeakMap(),
): SumScopeMetrics {
  const kind: Attributes = {
    [names.ATTR_ENERGY_SOURCE_KIND]: reading.kind,
    ...(reading.covers === 'server' && { [names.ATTR_ENERGY_SOURCE_COVERS]: reading.covers }),
  };
  const typed: Attributes = { [names.ATTR_HW_TYPE]: reading.domain, ...kind };
  // A domain is what its counter says, however the CPUs' energy is found.
  const domainKind = (owner: DomainOwner): Attributes => ({ [names.ATTR_ENERGY_SOURCE_KIND]: owner.kind });

  const sum = <Of>(
    descriptor: MetricDescriptor,
    series: readonly SeriesReading<Of>[],
    attributesOf: (owner: Of) => Attributes,
  ): SumMetric => ({
    descriptor,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    aggregationTemporality:
      mode === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
    dataPoints: series.flatMap((one) => {
      const attributes = known.get(one.entry) ?? attributesOf(one.owner);
      known.set(one.entry, attributes);
      return toPoints(one, attributes);
    }),
  });
  const { domains, self } = reading;
  const components = domains.filter(({ owner }) => owner.type !== 'host');
  const counters = sum(HARDWARE, reading.hardware, (owner) => ({ ...hardware(owner), ...typed }));
  const auxiliary = sum(HARDWARE, components, (owner) => ({
    ...hardware(owner),
    [names.ATTR_HW_TYPE]: owner.type,
    ...domainKind(owner),
  }));
  const hosts = domains.filter(({ owner }) => owner.type === 'host');
  const metrics = [
    { ...counters, dataPoints: [...counters.dataPoints, ...auxiliary.dataPoints] },
    sum(HOST, hosts, (owner) => ({ ...hardware(owner), ...domainKind(owner) })),
    sum(PROCESS, reading.processes, ({ pid, creationTime, executable, containerId }) => ({
      ...(pid !== null && { [names.ATTR_PROCESS_PID]: pid }),
      ...(creationTime !== null && { [names.ATTR_PROCESS_CREATION_TIME]: creationTime }),
      [names.ATTR_PROCESS_EXECUTABLE_NAME]: executable,
      ...(containerId !== null && { [names.ATTR_CONTAINER_ID]: containerId }),
      ...typed,
    })),
    sum(CONTAINER, reading.containers, ({ containerId, runtime, podUid, names: found }) => ({
      ...(containerId !== null && { [names.ATTR_CONTAINER_ID]: containerId }),
      ...(runtime !== null && { [names.ATTR_CONTAINER_RUNTIME_NAME]: runtime }),
      ...(podUid !== null && { [names.ATTR_K8S_POD_UID]: podUid }),
      ...containerAttributes(found),
      ...typed,
    })),
    sum(CGROUP, reading.cgroups, ({ path }) => ({
      [names.ATTR_CGROUP_PATH]: path,
      ...ownerAttributes(path),
      ...typed,
    })),
    sum(UNATTRIBUTED, reading.unattributed, ({ hardwareId, reason }) => ({
      [names.ATTR_HW_ID]: hardwareId,
      [names.ATTR_ENERGY_REASON]: reason,
      ...typed,
    })),
    sum(ATTRIBUTED, reading.attributed, ({ hardwareId, attribution }) => ({
      [names.ATTR_HW_ID]: hardwareId,
      [names.ATTR_ENERGY_ATTRIBUTION]: attribution,
      ...typed,
    })),
    ...self.map((one) => sum(AGENT[one.owner], [one], (name) => (name === 'energy_j' ? kind : {}))),
  ];
  return {
    scope: { name: names.SCOPE_NAME, version: names.SCOPE_VERSION, schemaUrl: names.SCHEMA_URL },
    metrics: metrics.filter((metric) => metric.dataPoints.length > 0),
  };
}

function hardware({ id, parent }: HardwareOwner): Attributes {
  const named: Attributes = { [names.ATTR_HW_ID]: id, [names.ATTR_HW_NAME]: id.replace(':', ' ') };
  return parent === null ? named : { ...named, [names.ATTR_HW_PARENT]: parent };
}

/** They follow from the path, so a series that has them has no others. */
function ownerAttributes(path: string): Attributes {
  const owner = ownerOf(path);
  if (owner === null) return {};
  return {
    [names.ATTR_ENERGY_OWNER_TYPE]: owner.type,
    [names.ATTR_ENERGY_OWNER_NAME]: owner.name,
    ...(owner.part !== null && { [names.ATTR_ENERGY_OWNER_PART]: owner.part }),
  };
}

/** Counts are in annotated units, `{switch}`; what is measured is a double. */
function describe(name: string, unit: string, description: string): MetricDescriptor {
  return { name, unit, description, valueType: unit.startsWith('{') ? ValueType.INT : ValueType.DOUBLE };
}

const HARDWARE = describe(names.METRIC_HW_ENERGY, 'J', 'Energy counted by an energy counter');
const HOST = describe(names.METRIC_HW_HOST_ENERGY, 'J', 'Energy that the machine drew');
const PROCESS = describe(names.METRIC_PROCESS_ENERGY, 'J', 'Energy used by a process');
const CONTAINER = describe(names.METRIC_CONTAINER_ENERGY, 'J', 'Energy used by a container');
const CGROUP = describe(names.METRIC_CGROUP_ENERGY, 'J', 'Energy used by the tasks directly in a cgroup');
const UNATTRIBUTED = describe(names.METRIC_ENERGY_UNATTRIBUTED, 'J', 'Counted energy that no process used');
const ATTRIBUTED = describe(
  names.METRIC_ENERGY_ATTRIBUTED,
  'J',
  'Counted energy that was split afterwards over who ran, by how',
);
const AGENT: Readonly<Record<SelfOwner, MetricDescriptor>> = {
  switches: describe(names.METRIC_AGENT_SWITCHES, '{switch}', 'Context switches accounted'),
  lost: describe(names.METRIC_AGENT_LOST, '{event}', 'Charges and events that found no room'),
  skipped: describe(
    names.METRIC_AGENT_SKIPPED,
    '{interval}',
    'Intervals that could not be measured by themselves',
  ),
  rebinds: describe(names.METRIC_AGENT_REBINDS, '{rebind}', 'Energy counters opened anew'),
  gaps: describe(names.METRIC_AGENT_GAPS, '{gap}', 'Times an energy counter fell out of reach'),
  resets: describe(names.METRIC_AGENT_RESETS, '{reset}', 'Times an energy counter began anew'),
  wraps: describe(names.METRIC_AGENT_WRAPS, '{wrap}', 'Times an energy register was full'),
  cpu_time_s: describe(names.METRIC_AGENT_CPU_TIME, 's', 'CPU time used by the meter itself'),
  energy_j: describe(names.METRIC_AGENT_ENERGY, 'J', 'Energy used by the meter itself'),
};
