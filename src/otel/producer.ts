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
  type ContainerOwner,
  type DomainOwner,
  type HardwareOwner,
  type LedgerReading,
  type ProcessOwner,
  type SelfOwner,
  type SeriesReading,
} from '../ledger/reading.ts';
import { ownerOf } from '../identity/owner.ts';
import { each, inSlices } from '../util/cooperative.ts';
import { WallClock } from '../util/wall-clock.ts';
import type { CreateProducer, DeliverableProducer } from './deliverable.ts';
import { type AddPoints, type Mode, pointsOf, takeSeries } from './points.ts';
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
  let last: LedgerReading | undefined;
  return {
    /** The reading is of one moment, what is made of it is made in slices. */
    async collect() {
      const reading = (last = reader.collect());
      if (!reading) return answer(undefined);
      const addPoints = pointsOf(mode, reading, clock);
      return answer(await inSlices(toScopeMetrics(reading, addPoints, mode, attributes)));
    },
    delivered(metrics) {
      if (last) reader.received(takeSeries(metrics, last));
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

/** Series whose points are made in one step, some tens of µs. */
const STEP_SERIES = 64;

/** The metrics of one reading, those without points left out. `known`: attributes of series, made once. */
function* toScopeMetrics(
  reading: LedgerReading,
  addPoints: AddPoints,
  mode: Mode,
  known: WeakMap<object, Attributes>,
): Generator<void, SumScopeMetrics> {
  const kind: Attributes = {
    [names.ATTR_ENERGY_SOURCE_KIND]: reading.kind,
    ...(reading.covers === 'server' && { [names.ATTR_ENERGY_SOURCE_COVERS]: reading.covers }),
  };
  const typed: Attributes = { [names.ATTR_HW_TYPE]: reading.domain, ...kind };
  const metrics = new Map<MetricDescriptor, SumMetric>();

  function* sum<Of>(
    descriptor: MetricDescriptor,
    series: readonly SeriesReading<Of>[],
    attributesOf: (owner: Of) => Attributes,
  ): Generator<void, void> {
    if (series.length === 0) return;
    const metric = metrics.get(descriptor) ?? emptySum(descriptor, mode);
    metrics.set(descriptor, metric);
    const addOne = (one: SeriesReading<Of>): void => {
      let attributes = known.get(one.entry);
      if (!attributes) known.set(one.entry, (attributes = attributesOf(one.owner)));
      addPoints(one, attributes, metric.dataPoints);
    };
    yield* each(series, addOne, STEP_SERIES);
  }
  const { domains, self } = reading;
  yield* sum(HARDWARE, reading.hardware, (owner) => ({ ...hardware(owner), ...typed }));
  for (const one of domains) yield* sum(one.owner.type === 'host' ? HOST : HARDWARE, [one], domainAttributes);
  yield* sum(PROCESS, reading.processes, (owner) => ({ ...processAttributes(owner), ...typed }));
  yield* sum(CONTAINER, reading.containers, (owner) => ({ ...containerOwner(owner), ...typed }));
  yield* sum(CGROUP, reading.cgroups, ({ path }) => ({
    [names.ATTR_CGROUP_PATH]: path,
    ...ownerAttributes(path),
    ...typed,
  }));
  yield* sum(UNATTRIBUTED, reading.unattributed, ({ hardwareId, reason }) => ({
    [names.ATTR_HW_ID]: hardwareId,
    [names.ATTR_ENERGY_REASON]: reason,
    ...typed,
  }));
  yield* sum(ATTRIBUTED, reading.attributed, ({ hardwareId, attribution }) => ({
    [names.ATTR_HW_ID]: hardwareId,
    [names.ATTR_ENERGY_ATTRIBUTION]: attribution,
    ...typed,
  }));
  for (const one of self) yield* sum(AGENT[one.owner], [one], (name) => (name === 'energy_j' ? kind : {}));
  return {
    scope: { name: names.SCOPE_NAME, version: names.SCOPE_VERSION, schemaUrl: names.SCHEMA_URL },
    metrics: [...metrics.values()].filter((metric) => metric.dataPoints.length > 0),
  };
}

function emptySum(descriptor: MetricDescriptor, mode: Mode): SumMetric {
  return {
    descriptor,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    aggregationTemporality:
      mode === 'delta' ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE,
    dataPoints: [],
  };
}

/** A domain is what its counter says, however the CPUs' energy is found. */
function domainAttributes(owner: DomainOwner): Attributes {
  return {
    ...hardware(owner),
    ...(owner.type !== 'host' && { [names.ATTR_HW_TYPE]: owner.type }),
    [names.ATTR_ENERGY_SOURCE_KIND]: owner.kind,
  };
}

function processAttributes({ pid, creationTime, executable, containerId }: ProcessOwner): Attributes {
  return {
    ...(pid !== null && { [names.ATTR_PROCESS_PID]: pid }),
    ...(creationTime !== null && { [names.ATTR_PROCESS_CREATION_TIME]: creationTime }),
    [names.ATTR_PROCESS_EXECUTABLE_NAME]: executable,
    ...(containerId !== null && { [names.ATTR_CONTAINER_ID]: containerId }),
  };
}

function containerOwner({ containerId, runtime, podUid, names: found }: ContainerOwner): Attributes {
  return {
    ...(containerId !== null && { [names.ATTR_CONTAINER_ID]: containerId }),
    ...(runtime !== null && { [names.ATTR_CONTAINER_RUNTIME_NAME]: runtime }),
    ...(podUid !== null && { [names.ATTR_K8S_POD_UID]: podUid }),
    ...containerAttributes(found),
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
