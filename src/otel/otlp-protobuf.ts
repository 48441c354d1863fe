// SPDX-License-Identifier: Apache-2.0
import { type Attributes, type AttributeValue, type HrTime, ValueType } from '@opentelemetry/api';
import { AggregationTemporality, type DataPoint, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { SumMetric } from './producer.ts';

/** Points in one step, which takes some tens of µs. */
const STEP_POINTS = 32;

/** Bytes as a string of characters below 256, which V8 joins, keeps and writes at less cost than small arrays. */
type Bytes = string;

/**
 * Makes, in steps, an ExportMetricsServiceRequest of sums, as opentelemetry-proto (metrics/v1, common/v1, resource/v1) has it. Byte by byte
 * what the serializer of @opentelemetry/otlp-transformer makes, which writes all attributes anew each time, twice: here
 * those of a series, whose object the producer keeps, are written once.
 */
export function* serializingSums({ resource, scopeMetrics }: ResourceMetrics): Generator<void, Buffer> {
  const scopes: Scope[] = [];
  for (const { scope, metrics } of scopeMetrics) {
    const sums: Sum[] = [];
    for (const metric of metrics) sums.push(yield* summing(metric as SumMetric));
    const { name, version, schemaUrl } = scope;
    const head = message(1, text(1, name) + optional(2, version));
    const tail = optional(3, schemaUrl);
    const length = sums.reduce((all, sum) => all + sum.length, head.length + tail.length);
    scopes.push({ head: header(2, length) + head, sums, tail, length: header(2, length).length + length });
  }
  const described = message(1, attributesOf(resource.attributes, 1) + number(2, 0));
  const tail = optional(3, resource.schemaUrl);
  const length = scopes.reduce((all, scope) => all + scope.length, described.length + tail.length);
  const out = new Writer(header(1, length).length + length);
  out.bytes(header(1, length) + described);
  for (const scope of scopes) {
    out.bytes(scope.head);
    for (const { head, metric, attributes, tail: end } of scope.sums) {
      out.bytes(head);
      const isInt = metric.descriptor.valueType === ValueType.INT;
      for (let at = 0; at < attributes.length; at += STEP_POINTS) {
        out.points(metric.dataPoints, attributes, at, isInt);
        yield;
      }
      out.bytes(end);
    }
    out.bytes(scope.tail);
  }
  out.bytes(tail);
  return out.buffer;
}

/** A ScopeMetrics: what comes before its metrics, these, and what comes after them. */
interface Scope {
  readonly head: Bytes;
  readonly sums: readonly Sum[];
  readonly tail: Bytes;
  /** Of all of it. */
  readonly length: number;
}

/** A Metric: what comes before its points, the attributes of each, and what comes after them. */
interface Sum {
  readonly metric: SumMetric;
  readonly head: Bytes;
  readonly attributes: readonly Bytes[];
  readonly tail: Bytes;
  /** Of all of it. */
  readonly length: number;
}

function* summing(metric: SumMetric): Generator<void, Sum> {
  const { descriptor, dataPoints, aggregationTemporality, isMonotonic } = metric;
  const temporality = aggregationTemporality === AggregationTemporality.DELTA ? 1 : 2;
  const tail = number(2, temporality) + (isMonotonic ? number(3, 1) : '');
  let points = 0;
  const attributes: Bytes[] = [];
  while (attributes.length < dataPoints.length) {
    points += addAttributes(dataPoints, attributes);
    yield;
  }
  const { name, description, unit } = descriptor;
  const inner =
    text(1, name) + optional(2, description) + optional(3, unit) + header(7, points + tail.length);
  const length = inner.length + points + tail.length;
  const head = header(2, length) + inner;
  return { metric, head, attributes, tail, length: head.length + points + tail.length };
}

/** Adds the attributes of the points that are next; returns the length of these points. */
function addAttributes(points: readonly DataPoint<number>[], attributes: Bytes[]): number {
  const end = Math.min(attributes.length + STEP_POINTS, points.length);
  let sum = 0;
  for (let i = attributes.length; i < end; i++) {
    const encoded = pointAttributes(points[i]!.attributes);
    const length = POINT_BYTES + encoded.length;
    attributes.push(encoded);
    sum += 1 + varintLength(length) + length;
  }
  return sum;
}

/** Start, time and value of a NumberDataPoint, 9 bytes each. */
const POINT_BYTES = 27;

class Writer {
  readonly buffer: Buffer;
  readonly #view: DataView;
  #at = 0;
  readonly #start = new Clock();
  readonly #end = new Clock();

  constructor(length: number) {
    this.buffer = Buffer.allocUnsafeSlow(length);
    this.#view = new DataView(this.buffer.buffer);
  }

  bytes(bytes: Bytes): void {
    this.#at += this.buffer.write(bytes, this.#at, 'latin1');
  }

  /** The points of one step, from the one at `begin` on. */
  points(
    points: readonly DataPoint<number>[],
    attributes: readonly Bytes[],
    begin: number,
    isInt: boolean,
  ): void {
    const end = Math.min(begin + STEP_POINTS, points.length);
    for (let i = begin; i < end; i++) this.#point(points[i]!, attributes[i]!, isInt);
  }

  /** A NumberDataPoint, as field 1. */
  #point({ startTime, endTime, value }: DataPoint<number>, attributes: Bytes, isInt: boolean): void {
    const view = this.#view;
    view.setUint8(this.#at++, 0x0a);
    this.#varint(POINT_BYTES + attributes.length);
    const at = this.#at;
    view.setUint8(at, 0x11);
    view.setBigUint64(at + 1, this.#start.ns(startTime), true);
    view.setUint8(at + 9, 0x19);
    view.setBigUint64(at + 10, this.#end.ns(endTime), true);
    view.setUint8(at + 18, isInt ? 0x31 : 0x21);
    if (isInt) view.setBigInt64(at + 19, BigInt(Math.trunc(value)), true);
    else view.setFloat64(at + 19, value, true);
    this.#at = at + POINT_BYTES;
    this.bytes(attributes);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#view.setUint8(this.#at++, (rest & 0x7f) | 0x80);
    this.#view.setUint8(this.#at++, rest);
  }
}

/** Nanoseconds since the epoch. Points that follow one another mostly share their times. */
class Clock {
  #last: HrTime | undefined;
  #ns = 0n;

  ns(time: HrTime): bigint {
    if (time !== this.#last) {
      this.#ns = BigInt(time[0]) * 1_000_000_000n + BigInt(time[1]);
      this.#last = time;
    }
    return this.#ns;
  }
}

/** Attributes as field 7 of a point, by the object that a series keeps. */
const known = new WeakMap<Attributes, Bytes>();

function pointAttributes(attributes: Attributes): Bytes {
  let encoded = known.get(attributes);
  if (encoded === undefined) {
    encoded = attributesOf(attributes, 7);
    known.set(attributes, encoded);
  }
  return encoded;
}

/** Each attribute as a KeyValue. */
function attributesOf(attributes: Attributes, field: number): Bytes {
  let all = '';
  for (const [key, value] of Object.entries(attributes))
    all += message(field, text(1, key) + message(2, anyValue(value)));
  return all;
}

function anyValue(value: AttributeValue | null | undefined): Bytes {
  if (typeof value === 'string') return text(1, value);
  if (typeof value === 'boolean') return number(2, value ? 1 : 0);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? number(3, value) : double(4, value);
  if (!Array.isArray(value)) return '';
  return message(5, value.map((one) => message(1, anyValue(one))).join(''));
}

function text(field: number, value: string): Bytes {
  return message(field, ASCII.test(value) ? value : Buffer.from(value).toString('latin1'));
}

// oxlint-disable-next-line no-control-regex -- these are bytes
const ASCII = /^[\0-\x7f]*$/;

function optional(field: number, value: string | undefined): Bytes {
  return value ? text(field, value) : '';
}

function message(field: number, content: Bytes): Bytes {
  return header(field, content.length) + content;
}

/** What comes before a message of that many bytes. */
function header(field: number, length: number): Bytes {
  return varint((field << 3) | 2) + varint(length);
}

function number(field: number, value: number): Bytes {
  return varint(field << 3) + varint(value);
}

function double(field: number, value: number): Bytes {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return varint((field << 3) | 1) + bytes.toString('latin1');
}

/** Bytes of a number below 2^28. */
function varintLength(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

/** What is negative is in two's complement of 64 bits. */
function varint(value: number): Bytes {
  if (value >= 0 && value < 0x80) return String.fromCharCode(value);
  let bytes = '';
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes += String.fromCharCode(Number(rest & 0x7fn) | 0x80);
  return bytes + String.fromCharCode(Number(rest));
}
