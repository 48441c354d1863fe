// SPDX-License-Identifier: Apache-2.0
import type { Attributes, HrTime } from '@opentelemetry/api';
import {
  DataPointType,
  type DataPoint,
  type MetricData,
  type MetricDescriptor,
  type ScopeMetrics,
} from '@opentelemetry/sdk-metrics';
import { labels, sanitized } from './labels.ts';

/** The two forms of a page that every scraper reads. */
export type Format = 'text' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** UCUM units in words (OpenTelemetry, "Prometheus and OpenMetrics Compatibility"); annotations have none. */
const UNIT_WORDS: Readonly<Record<string, string>> = { J: 'joules', s: 'seconds', W: 'watts' };

/** Points that are written in one step, less than a ms. */
const STEP_POINTS = 100;

/**
 * Metrics as a page for Prometheus, in steps: all at once, 10,000 points would hold up the event loop for tens
 * of ms. Scopes are left out, which would double the page: there is one, whose name and version are the
 * resource's.
 *
 * Not by the serializer of @opentelemetry/exporter-prometheus: that knows no OpenMetrics and no start times,
 * joins no colliding labels, allows labels that begin with a digit, puts a comment without a line feed where a
 * page has no metrics yet, and encodes every label anew at every scrape.
 */
export function* page(
  resource: Attributes,
  scopes: readonly ScopeMetrics[],
  format: Format,
): Generator<void, Buffer> {
  const pieces = [Buffer.from(targetInfo(resource, format))];
  for (const metric of scopes.flatMap(({ metrics }) => metrics)) {
    if (metric.dataPointType !== DataPointType.SUM && metric.dataPointType !== DataPointType.GAUGE) continue;
    if (metric.dataPoints.length === 0) continue;
    const write = FORMATS[format](familyOf(metric));
    let text = write.head;
    for (let at = 0; at < metric.dataPoints.length; at += STEP_POINTS) {
      for (const point of metric.dataPoints.slice(at, at + STEP_POINTS)) text += write.point(point);
      pieces.push(Buffer.from(text));
      text = '';
      yield;
    }
  }
  if (format === 'openmetrics') pieces.push(Buffer.from('# EOF\n'));
  return Buffer.concat(pieces);
}

interface Family {
  /** Without `_total`. */
  readonly name: string;
  readonly unit: string | undefined;
  readonly counter: boolean;
  readonly help: string;
}

interface Writer {
  readonly head: string;
  readonly point: (point: DataPoint<number>) => string;
}

const FORMATS: Readonly<Record<Format, (family: Family) => Writer>> = {
  text({ name, counter, help }) {
    const sample = counter ? `${name}_total` : name;
    return {
      head: `# HELP ${sample} ${escaped(help)}\n# TYPE ${sample} ${counter ? 'counter' : 'gauge'}\n`,
      point: ({ attributes, value }) => `${sample}${labels(attributes)} ${number(value)}\n`,
    };
  },
  openmetrics({ name, unit, counter, help }) {
    const unitLine = unit === undefined ? '' : `# UNIT ${name} ${unit}\n`;
    const helpLine = `# HELP ${name} ${escaped(help).replaceAll('"', String.raw`\"`)}\n`;
    return {
      head: `# TYPE ${name} ${counter ? 'counter' : 'gauge'}\n${unitLine}${helpLine}`,
      point({ attributes, value, startTime }) {
        const series = labels(attributes);
        if (!counter) return `${name}${series} ${number(value)}\n`;
        return `${name}_total${series} ${number(value)}\n${name}_created${series} ${seconds(startTime)}\n`;
      },
    };
  },
};

function familyOf(metric: MetricData): Family {
  const { descriptor } = metric;
  return {
    ...nameOf(descriptor),
    counter: metric.dataPointType === DataPointType.SUM && metric.isMonotonic,
    help: descriptor.description,
  };
}

function nameOf({ name, unit }: MetricDescriptor): Pick<Family, 'name' | 'unit'> {
  const plain = sanitized(name).replace(/_total$/, '');
  const word = UNIT_WORDS[unit];
  if (word === undefined) return { name: plain, unit: undefined };
  return { name: plain.endsWith(`_${word}`) ? plain : `${plain}_${word}`, unit: word };
}

function targetInfo(resource: Attributes, format: Format): string {
  const text = labels(resource);
  if (text === '') return '';
  const help = 'Resource that the metrics belong to';
  return format === 'openmetrics'
    ? `# TYPE target info\n# HELP target ${help}\ntarget_info${text} 1\n`
    : `# HELP target_info ${help}\n# TYPE target_info gauge\ntarget_info${text} 1\n`;
}

function escaped(help: string): string {
  return help.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`);
}

function number(value: number): string {
  if (Number.isFinite(value)) return `${value}`;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}

/** Seconds since the epoch, to the ms. */
function seconds([whole, nanoseconds]: HrTime): string {
  return `${whole}.${String(Math.floor(nanoseconds / 1e6)).padStart(3, '0')}`;
}
