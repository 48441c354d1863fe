// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { usageError } from '../model/errors.ts';
import type { KubeletOptions } from '../identity/kubelet.ts';
import { DEFAULT_LIMITS, type LedgerLimits } from '../ledger/limits.ts';
import { isInterval, MAX_INTERVAL, type MeterOptions } from '../meter.ts';

/** What `joules agent --config FILE` may hold; the command line goes before it. */
export interface AgentConfig {
  readonly meter: MeterOptions;
  readonly limits: Partial<LedgerLimits>;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isSeconds: Check = (value) => typeof value === 'number' && isInterval(value);
const isWatts: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 3;

const isPatterns: Check = (value) => Array.isArray(value) && value.every(isText);

const METER_KEYS: Readonly<Record<string, readonly [keyof MeterOptions, string, Check]>> = {
  source: ['source', 'text', isText],
  interval: ['interval', `a number of seconds above 0 and at most ${MAX_INTERVAL}`, isSeconds],
  root: ['root', 'a directory', isText],
  watts_idle: ['wattsIdle', 'a number of watts', isWatts],
  watts_busy: ['wattsBusy', 'a number of watts', isWatts],
  include: ['include', 'a list of patterns', isPatterns],
  exclude: ['exclude', 'a list of patterns', isPatterns],
  names: ['names', 'true or false', (value) => typeof value === 'boolean'],
  max_tasks: [
    'maxTasks',
    'an integer from 3 to 4,000,000',
    (value) => isCount(value) && (value as number) <= 4e6,
  ],
};

/** Reads a YAML (or JSON) file. @throws usageError that names the file and the key. */
export function readConfig(path: string): AgentConfig {
  const document = parseFile(path);
  const meter: Record<string, unknown> = {};
  let limits: Partial<LedgerLimits> = {};
  for (const [key, value] of Object.entries(document)) {
    if (key === 'limits') {
      limits = readLimits(path, value);
      continue;
    }
    if (key === 'kubelet') {
      meter['kubelet'] = readKubelet(path, value);
      continue;
    }
    const known = Object.hasOwn(METER_KEYS, key) ? METER_KEYS[key] : undefined;
    if (!known)
      throw usageError(
        `${path}: unknown key ${key}: use ${[...Object.keys(METER_KEYS), 'kubelet', 'limits'].join(', ')}`,
      );
    const [name, what, accepts] = known;
    if (!accepts(value)) throw usageError(`${path}: ${key} must be ${what}`);
    meter[name] = value;
  }
  return { meter, limits };
}

function parseFile(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw usageError(
      `cannot read --config ${path} (${(error as NodeJS.ErrnoException).code}): check the path`,
    );
  }
  let document: unknown;
  try {
    document = parse(text) ?? {};
  } catch (error) {
    throw usageError(`${path} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  if (!isMapping(document)) throw usageError(`${path} must be a mapping such as "source: power_core"`);
  return document;
}

const KUBELET_KEYS: Readonly<Record<string, keyof KubeletOptions>> = {
  url: 'url',
  token_file: 'tokenFile',
  ca_file: 'caFile',
};

function readKubelet(path: string, value: unknown): KubeletOptions {
  const known = Object.keys(KUBELET_KEYS).join(', ');
  if (!isMapping(value) || !isText(value['url'])) {
    throw usageError(`${path}: kubelet must be a mapping of ${known}, with url at least`);
  }
  const entries = Object.entries(value).map(([key, text]) => {
    const name = Object.hasOwn(KUBELET_KEYS, key) ? KUBELET_KEYS[key] : undefined;
    if (!name) throw usageError(`${path}: unknown key kubelet.${key}: use ${known}`);
    if (!isText(text)) throw usageError(`${path}: kubelet.${key} must be text`);
    return [name, text];
  });
  return Object.fromEntries(entries) as KubeletOptions;
}

function readLimits(path: string, value: unknown): Partial<LedgerLimits> {
  const known = Object.keys(DEFAULT_LIMITS);
  if (!isMapping(value)) throw usageError(`${path}: limits must be a mapping of ${known.join(', ')}`);
  for (const [key, limit] of Object.entries(value)) {
    if (!known.includes(key)) throw usageError(`${path}: unknown key limits.${key}: use ${known.join(', ')}`);
    if (!isCount(limit)) throw usageError(`${path}: limits.${key} must be an integer of 3 or more`);
  }
  return value;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
