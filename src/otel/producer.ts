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
import type { HardwareSeries, LedgerReading, Series } from '../ledger/ledger.ts';
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
  return {
    collect() {
      const reading = read();
      return Promise.resolve(answer(reading && toScopeMetrics(reading)));
    },
  };
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

/** The answer of a producer: nothing known, no metrics, never a false zero. */
export function answer(scopeMetrics: ScopeMetrics | undefined, errors: unknown[] = []): CollectionResult {
  // Readers put their own resource in the place of this one.
  const resourceMetrics = { resource: emptyResource(), scopeMetrics: scopeMetrics ? [scopeMetrics] : [] };
  return { resourceMetrics, errors };
}

/** All our metrics are sums of numbers. */
export interface SumMetric extends SumMetricData {
  readonly dataPoints: DataPoint<number>[];
}

export interface SumScopeMetrics extends ScopeMetrics {
  readonly metrics: SumMetric[];
}

/** The metrics of one reading, those without points left out. */
export function toScopeMetrics(reading: LedgerReading): SumScopeMetrics {
  const kind: Attributes = { [names.ATTR_ENERGY_SOURCE_KIND]: reading.kind };
  const typed: Attributes = { [names.ATTR_HW_TYPE]: reading.domain, ...kind };
  // A domain is what its counter says, however the CPUs' energy is found.
  const measured: Attributes = { [names.ATTR_ENERGY_SOURCE_KIND]: 'measured' };

  const point = points(reading.time);
  const sum = (descriptor: MetricDescriptor, dataPoints: DataPoint<number>[]): SumMetric => ({
    descriptor,
    dataPointType: DataPointType.SUM,
    isMonotonic: true,
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
    dataPoints,
  });
  const pointsOf = <T extends Series>(
    series: readonly T[],
    attributes: (one: T) => Attributes,
  ): DataPoint<number>[] => series.map((one) => point(one.joules, one.since, attributes(one)));
  const energy = <T extends Series>(
    descriptor: MetricDescriptor,
    series: readonly T[],
    attributes: (one: T) => Attributes,
  ): SumMetric =>
    sum(
      descriptor,
      pointsOf(series, (one) => ({ ...attributes(one), ...typed })),
    );
  const { self } = reading;
  const agent = (descriptor: MetricDescriptor, value: number, attributes: Attributes = {}): SumMetric =>
    sum(descriptor, [point(value, self.since, attributes)]);

  const metrics = [
    sum(HARDWARE, [
      ...pointsOf(reading.hardware, (one) => ({ ...hardware(one), ...typed })),
      ...pointsOf(
        reading.domains.filter(({ type }) => type !== 'host'),
        (one) => ({ ...hardware(one), [names.ATTR_HW_TYPE]: one.type, ...measured }),
      ),
    ]),
    sum(
      HOST,
      pointsOf(
        reading.domains.filter(({ type }) => type === 'host'),
        (one) => ({ ...hardware(one), ...measured }),
      ),
    ),
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
    agent(AGENT_REBINDS, self.incidents.rebinds),
    agent(AGENT_GAPS, self.incidents.gaps),
    agent(AGENT_RESETS, self.incidents.resets),
    agent(AGENT_WRAPS, self.incidents.wraps),
    agent(AGENT_CPU_TIME, self.cpuTimeSeconds),
    agent(AGENT_ENERGY, self.joules, kind),
  ];
  return {
    scope: { name: names.SCOPE_NAME, version: names.SCOPE_VERSION, schemaUrl: names.SCHEMA_URL },
    metrics: metrics.filter((metric) => metric.dataPoints.length > 0),
  };
}

function hardware({ id, parent }: HardwareSeries): Attributes {
  const named: Attributes = { [names.ATTR_HW_ID]: id, [names.ATTR_HW_NAME]: id.replace(':', ' ') };
  return parent === null ? named : { ...named, [names.ATTR_HW_PARENT]: parent };
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
const HOST = describe(names.METRIC_HW_HOST_ENERGY, 'J', 'Energy that the machine drew');
const PROCESS = describe(names.METRIC_PROCESS_ENERGY, 'J', 'Energy used by a process');
const CONTAINER = describe(names.METRIC_CONTAINER_ENERGY, 'J', 'Energy used by a container');
const CGROUP = describe(names.METRIC_CGROUP_ENERGY, 'J', 'Energy used by the tasks directly in a cgroup');
const UNATTRIBUTED = describe(names.METRIC_ENERGY_UNATTRIBUTED, 'J', 'Counted energy that no process used');
const AGENT_SWITCHES = describe(names.METRIC_AGENT_SWITCHES, '{switch}', 'Context switches accounted');
const AGENT_LOST = describe(names.METRIC_AGENT_LOST, '{event}', 'Charges and events that found no room');
const AGENT_REBINDS = describe(names.METRIC_AGENT_REBINDS, '{rebind}', 'Energy counters opened anew');
const AGENT_GAPS = describe(names.METRIC_AGENT_GAPS, '{gap}', 'Times an energy counter fell out of reach');
const AGENT_RESETS = describe(names.METRIC_AGENT_RESETS, '{reset}', 'Times an energy counter began anew');
const AGENT_WRAPS = describe(names.METRIC_AGENT_WRAPS, '{wrap}', 'Times an energy register was full');
const AGENT_CPU_TIME = describe(names.METRIC_AGENT_CPU_TIME, 's', 'CPU time used by the meter itself');
const AGENT_ENERGY = describe(names.METRIC_AGENT_ENERGY, 'J', 'Energy used by the meter itself');
