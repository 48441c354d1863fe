// SPDX-License-Identifier: Apache-2.0
import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { emptyResource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type CollectionResult,
  type DataPoint,
  type MetricDescriptor,
  type MetricProducer,
  type ScopeMetrics,
  type SumMetricData,
} from '@opentelemetry/sdk-metrics';
import type { LedgerReading, Series } from '../ledger.ts';
import * as names from './semconv.ts';

/** Cumulative sums up to now; undefined before the first interval has been measured. */
export type ReadLedger = () => LedgerReading | undefined;

/**
 * A ledger as a source of metrics for any reader (its `metricProducers`).
 *
 * A host application stops exporting altogether if a producer rejects, so `collect()` always resolves:
 * a failing `read` yields the last good sums again, which a cumulative sum allows.
 */
export function createMetricProducer(options: { readonly read: ReadLedger }): MetricProducer {
  const read = lastGood(options.read);
  return { collect: () => Promise.resolve(collected(read())) };
}

/** `read` that never throws: it falls back to what it returned last. */
export function lastGood(read: ReadLedger): ReadLedger {
  let last: LedgerReading | undefined;
  return () => {
    try {
      last = read();
    } catch {
      // The meter reports its own failures; metrics only stand still meanwhile.
    }
    return last;
  };
}

/** A reading as the answer of a producer: no reading, no metrics, never a false zero. */
export function collected(
  reading: LedgerReading | undefined,
  temporality?: AggregationTemporality,
): CollectionResult {
  const scopeMetrics = reading ? [toScopeMetrics(reading, temporality)] : [];
  // Readers put their own resource in the place of this one.
  return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] };
}

/** The metrics of one reading, those without points left out. */
export function toScopeMetrics(
  reading: LedgerReading,
  temporality: AggregationTemporality = AggregationTemporality.CUMULATIVE,
): ScopeMetrics {
  const kind: Attributes = { [names.ATTR_ENERGY_SOURCE_KIND]: reading.kind };
  const typed: Attributes = { [names.ATTR_HW_TYPE]: reading.domain, ...kind };

  const point = points(reading.time);
  const sum = (descriptor: MetricDescriptor, dataPoints: DataPoint<number>[]): SumMetricData => ({
    descriptor,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    aggregationTemporality: temporality,
    dataPoints,
  });
  const energy = <T extends Series>(
    descriptor: MetricDescriptor,
    series: readonly T[],
    attributes: (one: T) => Attributes,
  ): SumMetricData =>
    sum(
      descriptor,
      series.map((one) => point(one.joules, one.since, { ...attributes(one), ...typed })),
    );
  const { self } = reading;
  const agent = (descriptor: MetricDescriptor, value: number, attributes: Attributes = {}): SumMetricData =>
    sum(descriptor, [point(value, self.since, attributes)]);

  const metrics = [
    energy(HARDWARE, reading.hardware, ({ id }) => ({
      [names.ATTR_HW_ID]: id,
      [names.ATTR_HW_NAME]: id.replace(':', ' '),
    })),
    energy(PROCESS, reading.processes, ({ pid, creationTime, executable, containerId }) => ({
      ...(pid !== null && { [names.ATTR_PROCESS_PID]: pid }),
      ...(creationTime !== null && { [names.ATTR_PROCESS_CREATION_TIME]: creationTime }),
      [names.ATTR_PROCESS_EXECUTABLE_NAME]: executable,
      ...(containerId !== null && { [names.ATTR_CONTAINER_ID]: containerId }),
    })),
    energy(CONTAINER, reading.containers, ({ containerId, runtime, podUid, names: known }) => ({
      [names.ATTR_CONTAINER_ID]: containerId,
      ...(runtime !== null && { [names.ATTR_CONTAINER_RUNTIME_NAME]: runtime }),
      ...(podUid !== null && { [names.ATTR_K8S_POD_UID]: podUid }),
      ...(known as Attributes),
    })),
    energy(CGROUP, reading.cgroups, ({ path }) => ({ [names.ATTR_CGROUP_PATH]: path })),
    energy(UNATTRIBUTED, reading.unattributed, ({ hardwareId, reason }) => ({
      [names.ATTR_HW_ID]: hardwareId,
      [names.ATTR_ENERGY_REASON]: reason,
    })),
    agent(AGENT_SWITCHES, self.switches),
    agent(AGENT_LOST, self.lost),
    agent(AGENT_REBINDS, self.rebinds),
    agent(AGENT_CPU_TIME, self.cpuTimeSeconds),
    agent(AGENT_ENERGY, self.joules, kind),
  ];
  return {
    scope: { name: names.SCOPE_NAME, version: names.SCOPE_VERSION, schemaUrl: names.SCHEMA_URL },
    metrics: metrics.filter((metric) => metric.dataPoints.length > 0),
  };
}

/** Times in ms since the epoch. A start must lie before its end even if the clock was set back meanwhile. */
function points(time: number): (value: number, since: number, attributes: Attributes) => DataPoint<number> {
  // Thousands of points share some hundred times.
  const known = new Map<number, HrTime>();
  const at = (ms: number): HrTime => {
    const hr = known.get(ms) ?? hrTime(ms);
    known.set(ms, hr);
    return hr;
  };
  return (value, since, attributes) => ({
    value,
    startTime: at(since),
    endTime: at(Math.max(time, since + 1)),
    attributes,
  });
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.floor((ms - seconds * 1000) * 1e6)];
}

/** Counts are in annotated units, `{switch}`; what is measured is a double. */
function describe(name: string, unit: string, description: string): MetricDescriptor {
  return { name, unit, description, valueType: unit.startsWith('{') ? ValueType.INT : ValueType.DOUBLE };
}

const HARDWARE = describe(names.METRIC_HW_ENERGY, 'J', 'Energy counted by an energy counter');
const PROCESS = describe(names.METRIC_PROCESS_ENERGY, 'J', 'Energy used by a process');
const CONTAINER = describe(names.METRIC_CONTAINER_ENERGY, 'J', 'Energy used by a container');
const CGROUP = describe(names.METRIC_CGROUP_ENERGY, 'J', 'Energy used by the tasks directly in a cgroup');
const UNATTRIBUTED = describe(names.METRIC_ENERGY_UNATTRIBUTED, 'J', 'Counted energy that no process used');
const AGENT_SWITCHES = describe(names.METRIC_AGENT_SWITCHES, '{switch}', 'Context switches accounted');
const AGENT_LOST = describe(names.METRIC_AGENT_LOST, '{event}', 'Charges and events that found no room');
const AGENT_REBINDS = describe(names.METRIC_AGENT_REBINDS, '{rebind}', 'Energy counters opened anew');
const AGENT_CPU_TIME = describe(names.METRIC_AGENT_CPU_TIME, 's', 'CPU time used by the meter itself');
const AGENT_ENERGY = describe(names.METRIC_AGENT_ENERGY, 'J', 'Energy used by the meter itself');
