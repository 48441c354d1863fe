// SPDX-License-Identifier: Apache-2.0
import { type Attributes, type AttributeValue, ValueType } from '@opentelemetry/api';
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationTemporality, DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import * as fc from 'fast-check';
import { Batches, halves } from '../../src/otel/batches.ts';
import { serializingSums } from '../../src/otel/otlp-protobuf.ts';
import type { SumMetric } from '../../src/otel/producer.ts';
import { atOnce } from '../../src/util/cooperative.ts';

const scalar: fc.Arbitrary<AttributeValue> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ minLength: 100, maxLength: 400 }),
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.integer({ min: 120, max: 140 }),
  fc.double({ noNaN: true }).filter((value) => !Number.isInteger(value)),
);
const value = fc.oneof(scalar, fc.array(fc.string({ unit: 'binary' }), { maxLength: 3 }));
const attributes: fc.Arbitrary<Attributes> = fc.dictionary(fc.string({ unit: 'binary' }), value, {
  maxKeys: 5,
  noNullPrototype: true,
});
const time = fc.tuple(fc.nat({ max: 2 ** 33 }), fc.nat({ max: 999_999_999 }));

/** The points of a series: one, or two of a new one. */
const series = fc
  .tuple(attributes, fc.array(fc.record({ startTime: time, endTime: time }), { minLength: 1, maxLength: 2 }))
  .map(([its, times]) => times.map((both) => ({ ...both, attributes: its })));

const metric: fc.Arbitrary<SumMetric> = fc
  .record({
    name: fc.string(),
    unit: fc.constantFrom('J', 's', ''),
    description: fc.string({ unit: 'binary' }),
    valueType: fc.constantFrom(ValueType.INT, ValueType.DOUBLE),
    isMonotonic: fc.boolean(),
    aggregationTemporality: fc.constantFrom(AggregationTemporality.DELTA, AggregationTemporality.CUMULATIVE),
    all: fc.array(series, { maxLength: 12 }),
    values: fc.infiniteStream(fc.double({ min: 0, max: 2 ** 60, noNaN: true })),
  })
  .map(({ name, unit, description, valueType, all, values, ...rest }) => {
    const next = (): number => {
      const [one = 0] = values.take(1);
      return valueType === ValueType.INT ? Math.floor(one) : one;
    };
    return {
      ...rest,
      descriptor: { name, unit, description, valueType },
      dataPointType: DataPointType.SUM,
      dataPoints: all.flat().map((point) => ({ ...point, value: next() })),
    };
  });

const collection: fc.Arbitrary<ResourceMetrics> = fc
  .record({
    resource: attributes,
    schemaUrl: fc.constantFrom(undefined, 'https://opentelemetry.io/schemas/1.0.0'),
    version: fc.constantFrom(undefined, '1.2.3'),
    metrics: fc.array(metric, { maxLength: 4 }),
  })
  .map(({ resource, schemaUrl, version, metrics }) => ({
    resource: resourceFromAttributes(resource, schemaUrl === undefined ? {} : { schemaUrl }),
    scopeMetrics: [
      {
        scope: {
          name: 'test',
          ...(version !== undefined && { version }),
          ...(schemaUrl !== undefined && { schemaUrl }),
        },
        metrics,
      },
    ],
  }));

const bytesOf = (metrics: ResourceMetrics): Buffer =>
  // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- both are of the same package
  Buffer.from(ProtobufMetricsSerializer.serializeRequest(metrics)!);

describe('protobuf', () => {
  it('is byte by byte what the serializer of OpenTelemetry makes, at first and when attributes are known', () => {
    fc.assert(
      fc.property(collection, (metrics) => {
        const expected = bytesOf(metrics).toString('hex');
        expect(atOnce(serializingSums(metrics)).toString('hex')).toBe(expected);
        expect(atOnce(serializingSums(metrics)).toString('hex')).toBe(expected);
      }),
    );
  });
});

describe('a part of a collection', () => {
  it('has whole series, and all parts together have each point once, in its metric', () => {
    fc.assert(
      fc.property(collection, fc.integer({ min: 1, max: 9 }), (metrics, size) => {
        const batches = new Batches(metrics);
        const ranges = batches
          .ranges(size)
          .toReversed()
          .flatMap((range) => (range[1] - range[0] > 1 ? halves(range).toReversed() : [range]));
        const parts = ranges.map((range) => batches.part(range));
        const pointsOf = (all: readonly ResourceMetrics[]): unknown[] =>
          all.flatMap(({ scopeMetrics }) =>
            scopeMetrics.flatMap((scope) =>
              scope.metrics.flatMap((one) =>
                (one.dataPoints as object[]).map((point) => [one.descriptor, point]),
              ),
            ),
          );
        expect(pointsOf(parts)).toEqual(pointsOf([metrics]));
        for (const [i, { scopeMetrics }] of parts.entries()) {
          const its = scopeMetrics.flatMap((scope) => scope.metrics);
          expect(its.every(({ dataPoints }) => dataPoints.length > 0)).toBe(true);
          const [from, to] = ranges[i]!;
          const owners = its.map(
            ({ dataPoints }) => new Set(dataPoints.map((point) => point.attributes)).size,
          );
          expect(owners.reduce((sum, count) => sum + count, 0)).toBe(to - from);
        }
      }),
    );
  });
});
