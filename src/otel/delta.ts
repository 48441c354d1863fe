// SPDX-License-Identifier: Apache-2.0
import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  type MetricProducer,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import { OTHER, REMOVED } from '../model/snapshot.ts';
import { answer, lastGood, type ReadLedger, type SumMetric, toScopeMetrics } from './producer.ts';
import * as names from './semconv.ts';

/** A producer of differences. One per reader: it remembers what that reader has delivered. */
export interface DeltaProducer extends MetricProducer {
  /** These metrics, a part of the last collection or all of it, have arrived. */
  readonly delivered: (metrics: Pick<ResourceMetrics, 'scopeMetrics'>) => void;
}

/** What has arrived of one sum: its value then, and the sum's start, which tells it from another of that name. */
interface Mark {
  readonly value: number;
  readonly start: HrTime;
  readonly end: HrTime;
  readonly heirs: readonly string[];
}

/**
 * Delta temporality: the SDK converts its own instruments, not what producers hand it.
 *
 * Every sum reaches back to what arrived of it. A collection may be sent in several requests: what one that
 * failed held is in the next collection again, and nothing else is, so an outage of the receiver costs no
 * energy. What arrived without the acknowledgement arriving is counted twice.
 */
export function createDeltaProducer(options: { readonly read: ReadLedger }): DeltaProducer {
  const read = lastGood(options.read);
  const marksOf = new Map<string, Map<string, Mark>>();
  /** Points of the last collection, by themselves: readers split lists of points but keep the points. */
  let pending = new Map<object, () => void>();

  function grown({ descriptor: { name }, dataPoints }: SumMetric): DataPoint<number>[] {
    const marks = marksOf.get(name) ?? new Map<string, Mark>();
    marksOf.set(name, marks);
    const { attributes, heirs } = FAMILIES[name] ?? SINGLE;
    const points = new Map(dataPoints.map((point) => [keyOf(attributes, point.attributes), point]));
    passOn(marks, points);
    return [...points].flatMap(([key, point]) => {
      const mark = marks.get(key);
      // Nothing new, or the clock was set back: what there is waits for the next collection.
      if (mark && !isLater(point.endTime, mark.end)) return [];
      const difference = {
        ...point,
        value: Math.max(0, point.value - (mark?.value ?? 0)),
        startTime: mark?.end ?? point.startTime,
      };
      const { value, startTime: start, endTime: end } = point;
      pending.set(difference, () => marks.set(key, { value, start, end, heirs: heirs(point.attributes) }));
      return [difference];
    });
  }

  return {
    collect() {
      pending = new Map();
      const reading = read();
      if (!reading) return Promise.resolve(answer(undefined));
      const { scope, metrics } = toScopeMetrics(reading);
      const deltas = metrics.map((metric) => ({
        ...metric,
        aggregationTemporality: AggregationTemporality.DELTA,
        dataPoints: grown(metric),
      }));
      const some = deltas.filter(({ dataPoints }) => dataPoints.length > 0);
      return Promise.resolve(answer(some.length > 0 ? { scope, metrics: some } : undefined));
    },
    delivered({ scopeMetrics }) {
      for (const { metrics } of scopeMetrics) {
        for (const { dataPoints } of metrics) for (const point of dataPoints) pending.get(point)?.();
      }
    },
  };
}

/**
 * The ledger moves the Joules of what has ended to a sum that lives on; what arrived as the former's has
 * arrived of the latter, or the differences would count it twice.
 */
function passOn(marks: Map<string, Mark>, points: ReadonlyMap<string, DataPoint<number>>): void {
  for (const [key, { value, start, heirs }] of marks) {
    const point = points.get(key);
    if (point && !isLater(point.startTime, start) && !isLater(start, point.startTime)) continue;
    marks.delete(key);
    let moved = value;
    for (const heir of heirs) {
      const sum = points.get(heir);
      if (!sum) continue;
      const former = marks.get(heir) ?? { value: 0, start: sum.startTime, end: sum.startTime, heirs: [] };
      const taken = Math.min(moved, Math.max(0, sum.value - former.value));
      if (taken > 0) marks.set(heir, { ...former, value: former.value + taken });
      moved -= taken;
    }
  }
}

/** The attributes that make a series of a metric what it is, and which take over from one that is gone. */
interface Family {
  readonly attributes: readonly string[];
  readonly heirs: (attributes: Attributes) => readonly string[];
}

const SINGLE: Family = { attributes: [], heirs: () => [] };
const PROCESS = [
  names.ATTR_PROCESS_PID,
  names.ATTR_PROCESS_CREATION_TIME,
  names.ATTR_PROCESS_EXECUTABLE_NAME,
  names.ATTR_CONTAINER_ID,
];

/** Of several heirs the first that grew by so much. */
const FAMILIES: Readonly<Record<string, Family>> = {
  [names.METRIC_HW_ENERGY]: { ...SINGLE, attributes: [names.ATTR_HW_ID] },
  [names.METRIC_HW_HOST_ENERGY]: { ...SINGLE, attributes: [names.ATTR_HW_ID] },
  [names.METRIC_ENERGY_UNATTRIBUTED]: { ...SINGLE, attributes: [names.ATTR_HW_ID, names.ATTR_ENERGY_REASON] },
  [names.METRIC_PROCESS_ENERGY]: {
    attributes: PROCESS,
    heirs: ({ [names.ATTR_PROCESS_EXECUTABLE_NAME]: own = null }) =>
      [own, OTHER].map((name) => keyOf(PROCESS, { [names.ATTR_PROCESS_EXECUTABLE_NAME]: name ?? '' })),
  },
  [names.METRIC_CGROUP_ENERGY]: withPlaceholders(names.ATTR_CGROUP_PATH),
  [names.METRIC_CONTAINER_ENERGY]: withPlaceholders(names.ATTR_CONTAINER_ID),
};

function withPlaceholders(attribute: string): Family {
  const heirs = [REMOVED, OTHER].map((name) => keyOf([attribute], { [attribute]: name }));
  return { attributes: [attribute], heirs: () => heirs };
}

function keyOf(identity: readonly string[], attributes: Attributes): string {
  return JSON.stringify(identity.map((name) => attributes[name] ?? null));
}

function isLater(a: HrTime, b: HrTime): boolean {
  return a[0] > b[0] || (a[0] === b[0] && a[1] > b[1]);
}
