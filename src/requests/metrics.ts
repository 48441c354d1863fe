// SPDX-License-Identifier: Apache-2.0
import { type Attributes, type HrTime, ValueType } from '@opentelemetry/api';
import {
  AggregationTemporality,
  type DataPoint,
  DataPointType,
  type MetricData,
  type MetricDescriptor,
} from '@opentelemetry/sdk-metrics';
import { ATTR_ENERGY_REASON } from '../otel/semconv.ts';
import type { EnergyHistogram } from './histogram.ts';
import type { Split } from './split.ts';
import * as names from './semconv.ts';

export interface Parts {
  readonly split: Split;
  readonly histogram: EnergyHistogram;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
}

/** What the energy of a process was used for: together as much as `process.energy` grew by. */
export function metricsOf({ split, histogram, startTime, endTime }: Parts): MetricData[] {
  const point = (value: number, attributes: Attributes): DataPoint<number> => ({
    startTime,
    endTime,
    value,
    attributes,
  });
  const common = { aggregationTemporality: AggregationTemporality.CUMULATIVE } as const;
  const requests = histogram.points(endTime);
  const rest = Object.entries(split.rest).map(([reason, joules]) =>
    point(joules, { [ATTR_ENERGY_REASON]: reason }),
  );
  const active = point(split.activeJoules() + histogram.heldJoules(), {});
  return [
    ...(requests.length > 0
      ? [
          {
            ...common,
            descriptor: REQUEST,
            dataPointType: DataPointType.HISTOGRAM,
            dataPoints: requests,
          } as const,
        ]
      : []),
    {
      ...common,
      descriptor: ACTIVE,
      dataPointType: DataPointType.SUM,
      isMonotonic: false,
      dataPoints: [active],
    },
    { ...common, descriptor: REST, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: rest },
  ];
}

function describe(name: string, description: string): MetricDescriptor {
  return { name, unit: 'J', description, valueType: ValueType.DOUBLE };
}

const REQUEST = describe(names.METRIC_REQUEST_ENERGY, 'Energy of HTTP requests, a part of the process’s');
const ACTIVE = describe(
  names.METRIC_ACTIVE_REQUEST_ENERGY,
  'Energy of HTTP requests that are not in the histogram yet',
);
const REST = describe(names.METRIC_NO_REQUEST_ENERGY, 'Energy of the process that no HTTP request used');
