// SPDX-License-Identifier: Apache-2.0
import { asCsv, asJson, type Seen } from '../shared/saved.ts';
import { element } from './dom.ts';

const FORMATS = {
  json: { write: asJson, type: 'application/json' },
  csv: { write: asCsv, type: 'text/csv' },
} as const;

/** Hands what is seen to whoever looks, as a file. */
export function save(format: keyof typeof FORMATS, seen: Seen): void {
  const { write, type } = FORMATS[format];
  const url = URL.createObjectURL(new Blob([write(seen)], { type }));
  const link = element('a');
  link.href = url;
  const time = new Date(seen.shown.to).toISOString().slice(0, 19).replaceAll(':', '');
  link.download = `joules-${seen.hello.host}-${time}Z.${format}`;
  link.click();
  // Not before the browser has taken it.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
