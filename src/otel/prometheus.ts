// SPDX-License-Identifier: Apache-2.0
import type { Attributes } from '@opentelemetry/api';
import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import type { Resource } from '@opentelemetry/resources';
import {
  DataPointType,
  type MetricData,
  type MetricProducer,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { inSlices } from '../util/cooperative.ts';

/** Text exposition format, version 0.0.4. */
export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

// Labels of the scope would double the page: one scope, whose name and version the resource carries too.
const ofResource = new PrometheusSerializer('', false, undefined, false, true);
const ofMetrics = new PrometheusSerializer('', false, undefined, true, true);

/** Points that are written in one step, less than a ms. */
const STEP_POINTS = 100;

/**
 * The producer's metrics as a Prometheus page, with the units in the names as Prometheus wants them. Written in
 * slices: a page of 4,000 points would hold up the event loop for 10 ms.
 */
export async function prometheusPage(producer: MetricProducer, resource: Resource): Promise<string> {
  const { resourceMetrics } = await producer.collect();
  return inSlices(page(resource, resourceMetrics.scopeMetrics));
}

function* page(resource: Resource, scopes: readonly ScopeMetrics[]): Generator<void, string> {
  let text = ofResource.serialize({ resource, scopeMetrics: [] });
  for (const { scope, metrics } of scopes) {
    for (const metric of metrics) {
      for (let at = 0; at < metric.dataPoints.length; at += STEP_POINTS) {
        const some = { ...metric, dataPoints: metric.dataPoints.slice(at, at + STEP_POINTS) } as MetricData;
        const scopeMetrics = [{ scope, metrics: [asPrometheus(some)] }];
        // npm may give the serializer an sdk-metrics of its own: enums of another name, with the same values.
        // oxlint-disable-next-line typescript/no-unsafe-enum-assignment
        const part = ofMetrics.serialize({ resource, scopeMetrics });
        // HELP and TYPE once a metric.
        text += at === 0 ? part : part.replace(/^(?:#.*\n)+/, '');
        yield;
      }
    }
  }
  return text;
}

/** UCUM units in words (OpenTelemetry, "Prometheus and OpenMetrics Compatibility"); annotations have none. */
const UNIT_WORDS: Readonly<Record<string, string>> = { J: 'joules', s: 'seconds' };

/** The serializer appends `_total` but no unit, and its UNIT comment would have to be the unit's word. */
function asPrometheus(metric: MetricData): MetricData {
  const { descriptor } = metric;
  const word = UNIT_WORDS[descriptor.unit];
  const name = word ? `${descriptor.name}.${word}` : descriptor.name;
  const renamed = { ...metric, descriptor: { ...descriptor, name, unit: '' } };
  if (renamed.dataPointType !== DataPointType.SUM) return renamed;
  return {
    ...renamed,
    dataPoints: renamed.dataPoints.map((point) => ({ ...point, attributes: printable(point.attributes) })),
  };
}

// The serializer escapes backslash, quote and line feed. Carriage returns and the other characters that
// some parsers end a line at, or terminals obey, come from whoever names a process; so do changes of direction.
const CONTROL = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

function printable(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).map(([name, value]) => [
    name,
    typeof value === 'string'
      ? value.replace(CONTROL, visible)
      : Array.isArray(value)
        ? value.map((one) => String(one).replace(CONTROL, visible))
        : value,
  ]);
  return Object.fromEntries(entries) as Attributes;
}

/** ASCII controls have pictures in Unicode, U+2400 on; the rest becomes the replacement character. */
function visible(control: string): string {
  const code = control.charCodeAt(0);
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
}
