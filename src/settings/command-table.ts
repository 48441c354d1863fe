// SPDX-License-Identifier: Apache-2.0
import { address } from './address.ts';
import { choice, flag, integer, number, text } from './kinds.ts';
import type { Table } from './setting.ts';
import { type CommandOptions, VIEWS } from './types.ts';

/** What the command line alone has. */
export const COMMAND: Table<CommandOptions> = {
  config: {
    kind: text('the path of a file'),
    otherwise: 'none',
    option: 'config',
    placeholder: 'FILE',
    short: 'c',
    verbs: ['agent'],
    description: 'YAML or JSON with the keys that joules(1) lists; options override them',
    brief: 'YAML or JSON with settings; options override them',
  },
  listen: {
    kind: address(),
    otherwise: 'as OTEL_EXPORTER_PROMETHEUS_HOST and _PORT say',
    option: 'listen',
    placeholder: 'ADDRESS',
    verbs: ['agent'],
    description:
      'where the Prometheus page is served: HOST:PORT, or a Unix socket, unix:/PATH, with ,mode=MODE (default 600, with a ' +
      'group 660) and ,group=GROUP',
    brief: 'HOST:PORT or unix:/PATH of page and metrics',
  },
  tokenFile: {
    kind: text('the path of a file'),
    otherwise: 'none is asked for',
    option: 'token-file',
    placeholder: 'FILE',
    verbs: ['agent'],
    description: 'file with a bearer token that whoever reads the page must send; read at the start',
    brief: 'bearer token that readers of the page must send',
  },
  webConfigFile: {
    kind: text('the path of a file'),
    otherwise: 'neither TLS nor passwords',
    option: 'web.config.file',
    placeholder: 'FILE',
    verbs: ['agent'],
    description:
      "TLS and basic auth of the page, in the format of Prometheus' exporter toolkit; read at the start",
    brief: 'TLS and passwords, as Prometheus has them',
  },
  by: {
    kind: choice(VIEWS),
    fallback: 'process',
    option: 'by',
    placeholder: 'WHAT',
    short: 'b',
    verbs: ['top'],
    description: `what the table lists: ${VIEWS.join(', ')}`,
    brief: VIEWS.join(', '),
  },
  limit: {
    kind: integer({ min: 1, max: 1_000_000 }),
    otherwise: 'what fits the terminal, else 20; with --json all',
    option: 'limit',
    placeholder: 'N',
    short: 'l',
    verbs: ['top'],
    description: 'rows of the table, or processes in a JSON line; the rest is in (other)',
    brief: 'rows, the rest as (other); what fits where not given',
  },
  count: {
    kind: integer({ min: 1, max: 1_000_000_000 }),
    otherwise: 'until interrupted',
    option: 'count',
    placeholder: 'N',
    short: 'n',
    verbs: ['top'],
    description: 'snapshots before it ends',
  },
  output: {
    kind: text('the path of a file'),
    otherwise: 'none',
    option: 'output',
    placeholder: 'FILE',
    short: 'o',
    verbs: ['stat'],
    description: 'where the result goes as one JSON object',
  },
  seconds: {
    kind: number({ min: 5, max: 3600, unit: 'seconds' }),
    fallback: 120,
    option: 'seconds',
    placeholder: 'SECONDS',
    verbs: ['verify'],
    description: 'how long it measures; below 20 it can tell less',
  },
  json: {
    kind: flag(),
    fallback: false,
    option: 'json',
    short: 'j',
    description: 'output for programs: a JSON object a line',
  },
};
