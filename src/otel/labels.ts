// SPDX-License-Identifier: Apache-2.0
import type { AttributeValue, Attributes } from '@opentelemetry/api';
import { replaceUnprintable } from '../util/printable.ts';

/**
 * Labels that Prometheus gives a meaning of its own: the scraper sets `job` and `instance`, and reads
 * `otel_scope_*` as the scope. An attribute of that name is shown as Prometheus itself renames such labels.
 */
const RESERVED = /^(?:job|instance|le|quantile|otel_scope_.*)$/;

/** The labels of a series whose attributes object the ledger keeps: written once, not at every scrape. */
const encoded = new WeakMap<Attributes, string>();

/**
 * Attributes as Prometheus labels, `{a="1",b="2"}`, by OpenTelemetry's "Prometheus and OpenMetrics
 * Compatibility": where several names become one label, their values are joined with `;` in the order of the
 * original names. Two labels of one name would make Prometheus refuse the whole page.
 */
export function labels(attributes: Attributes): string {
  let text = encoded.get(attributes);
  if (text === undefined) {
    text = encode(attributes);
    encoded.set(attributes, text);
  }
  return text;
}

function encode(attributes: Attributes): string {
  let names = Object.keys(attributes);
  // Sorted only where it matters: otherwise the order is the producer's, from the general to the special.
  if (new Set(names.map(labelName)).size < names.length) names = names.toSorted();
  const values = new Map<string, string>();
  for (const name of names) {
    const value = attributes[name];
    if (value === undefined || value === null) continue;
    const label = labelName(name);
    const text = labelValue(value);
    const former = values.get(label);
    values.set(label, former === undefined ? text : `${former};${text}`);
  }
  let list = '';
  for (const [label, value] of values) list += `${list === '' ? '{' : ','}${label}="${value}"`;
  return list === '' ? '' : `${list}}`;
}

/** Names of attributes are few; this many are remembered. */
const NAMES = 1000;
const labelNames = new Map<string, string>();

/** `[a-zA-Z_][a-zA-Z0-9_]*`, with no two underscores in a row. */
function labelName(name: string): string {
  const known = labelNames.get(name);
  if (known !== undefined) return known;
  const plain = sanitized(name);
  const label = RESERVED.test(plain) ? `exported_${plain}` : plain;
  if (labelNames.size < NAMES) labelNames.set(name, label);
  return label;
}

/** A metric's or a label's name as Prometheus allows it. */
export function sanitized(name: string): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9]+/g, '_');
  return /^[a-zA-Z_]/.test(plain) ? plain : `_${plain}`;
}

/**
 * Carriage returns and the like, which some parsers end a line at or terminals obey, come from whoever names a
 * process. A line feed has an escape.
 */
function labelValue(value: AttributeValue): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (HARMLESS.test(text)) return text;
  return replaceUnprintable(
    text.replaceAll(/[\\"]/g, String.raw`\$&`).replaceAll('\n', String.raw`\n`),
    visible,
  );
}

/** Printable ASCII without quote and backslash: nearly every value. */
const HARMLESS = /^[ !#-[\]-~]*$/;

/** ASCII controls have pictures in Unicode, U+2400 on; the rest becomes the replacement character. */
function visible(control: string): string {
  const code = control.charCodeAt(0);
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\ufffd';
}
