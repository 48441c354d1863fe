// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import { checkMapping, joined, type Row, sentence } from './check.ts';
import { meterSettings } from './environment.ts';
import { DEFAULT_LIMITS, type Library, METER, RECORDER, rowsOf } from './table.ts';
import type { LedgerLimits, MeterOptions, RecorderOptions, Scope } from './types.ts';

/** What is wrong with values that are right each by itself, in a sentence; undefined if nothing is. */
export function conflict(
  { kubelet }: RecorderOptions,
  nameOf: (name: keyof Library) => string | undefined,
): string | undefined {
  if (kubelet?.tokenFile === undefined || new URL(kubelet.url).protocol === 'https:') return undefined;
  const [file, url] = [nameOf('kubelet.tokenFile'), nameOf('kubelet.url')];
  return `${file} needs an https:// URL in ${url}: the token would be sent in the clear`;
}

type Settled<K extends keyof MeterOptions> = MeterOptions & Required<Pick<MeterOptions, K>>;

/** Options of the library's meter, what has a default filled in. @throws usageError that names the option. */
export function checkMeterOptions(
  options: unknown,
): Settled<
  'source' | 'attribution' | 'interval' | 'root' | 'names' | 'scripts' | 'maxTasks' | 'followForks'
> {
  return checkOptions(METER, options) as never;
}

/** Options of the library's recorder. @throws usageError that names the option. */
export function checkRecorderOptions(options: unknown): {
  meter: MeterOptions;
  scope: Scope;
  socketDirectory: string;
  limits: LedgerLimits;
} {
  const { limits, scope, socketDirectory, ...meter } = checkOptions(RECORDER, options) as RecorderOptions &
    Required<Pick<RecorderOptions, 'scope' | 'socketDirectory'>>;
  return { meter, scope, socketDirectory, limits: { ...DEFAULT_LIMITS, ...limits } };
}

function checkOptions(table: object, options: unknown): RecorderOptions {
  const rows = rowsOf(table);
  const checked = checkMapping(rows, ([name]) => name, options);
  if ('fault' in checked) {
    const { path } = checked.fault;
    if (path.length > 0) throw usageError(sentence(joined(path), 'option', checked.fault));
    throw usageError(`options must be an object such as {source: 'auto'}${checked.fault.found}`);
  }
  const values = checked.value as RecorderOptions;
  const trouble = conflict(values, (name) => name);
  if (trouble !== undefined) throw usageError(`option ${trouble}`);
  return { ...fallbacks(rows), ...meterSettings(process.env), ...values };
}

/** Defaults of what is in no group. */
function fallbacks(rows: readonly Row[]): Record<string, unknown> {
  const given = rows.filter(([name, { fallback }]) => fallback !== undefined && !name.includes('.'));
  return Object.fromEntries(given.map(([name, { fallback }]) => [name, fallback]));
}
