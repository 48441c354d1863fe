// SPDX-License-Identifier: Apache-2.0
// Every setting once. Option parser, configuration file, library, --help and the README's tables are made of this;
// `variables.ts` has the OTEL_* variables.
import type { KubeletOptions } from '../identity/kubelet.ts';
import { ATTRIBUTIONS } from '../model/source.ts';
import { address } from './address.ts';
import { callback, choice, flag, httpUrl, integer, type Kind, list, number, text } from './kinds.ts';
import {
  type CommandOptions,
  type LedgerLimits,
  type MeterOptions,
  type RecorderOptions,
  SCOPES,
  type Verb,
  VIEWS,
} from './types.ts';

/** One setting. */
export interface Setting<T> {
  readonly kind: Kind<T>;
  /** The value where none is given. */
  readonly fallback?: T;
  /** What holds where none is given, if that is no single value. */
  readonly otherwise?: string;
  /** Its group cannot do without it. */
  readonly required?: true;
  /** Name on the command line, without dashes, and what stands for its value there. */
  readonly option?: string;
  readonly placeholder?: string;
  /** May be given several times on the command line, one item each. */
  readonly repeatable?: true;
  /** Verbs that have the option; without it all. */
  readonly verbs?: readonly Verb[];
  /** Name in the agent's configuration file, with a dot in groups. */
  readonly key?: string;
  readonly description: string;
}

/** Settings by their names in the library, with a dot in groups; a name or a type that is not an option's is an error. */
export type Table<O> = { readonly [K in keyof O]-?: Setting<NonNullable<O[K]>> };

type InGroup<G extends string, O> = { [K in keyof O as `${G}.${K & string}`]: O[K] };

/** All options of the library, flat. */
export type Library = Omit<MeterOptions, 'kubelet'> &
  Pick<RecorderOptions, 'scope'> &
  InGroup<'kubelet', KubeletOptions> &
  InGroup<'limits', LedgerLimits>;

/** Longest delay of a Node timer, ms; a longer one fires at once. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

const WATTS = number({ min: 0, max: 10_000, unit: 'watts' });
const SERIES = integer({ min: 3, max: 1_000_000 });
const PATTERNS = list(text('a pattern'), 'a list of patterns');
const VIEWERS = ['agent', 'top'] as const;

/** Options of the meter, as `openMeter` has them. */
export const METER: Table<Omit<MeterOptions, 'kubelet'> & InGroup<'kubelet', KubeletOptions>> = {
  source: {
    kind: text('the name of a source'),
    fallback: 'auto',
    option: 'source',
    placeholder: 'SPEC',
    key: 'source',
    description:
      'energy counter: auto, power_core, power_per_core, msr, power, powercap, estimated, or ' +
      'perf:PMU/EVENT/[,scope=cpu|core|package][,joules=J_PER_COUNT][,kind=KIND]',
  },
  attribution: {
    kind: choice(ATTRIBUTIONS),
    fallback: 'learned',
    option: 'attribution',
    placeholder: ATTRIBUTIONS.join('|'),
    key: 'attribution',
    description:
      "how what a package's counter counted is split over who ran: by the power that each is learned to draw, as far " +
      'as that is known, or by run time',
  },
  interval: {
    kind: number({ min: 0.001, max: Math.floor(MAX_TIMER_MS / 1000), unit: 'seconds' }),
    fallback: 1,
    option: 'interval',
    placeholder: 'SECONDS',
    key: 'interval',
    description: 'time between two snapshots',
  },
  wattsIdle: {
    kind: WATTS,
    otherwise: "known of the CPU's model",
    option: 'watts-idle',
    placeholder: 'W',
    key: 'watts_idle',
    description: 'power of a CPU (hardware thread) that idles, for source estimated; with the next one',
  },
  wattsBusy: {
    kind: WATTS,
    otherwise: "known of the CPU's model",
    option: 'watts-busy',
    placeholder: 'W',
    key: 'watts_busy',
    description: 'power of a CPU that is busy, for source estimated',
  },
  include: {
    kind: PATTERNS,
    otherwise: 'everything',
    option: 'include',
    placeholder: 'GLOB',
    repeatable: true,
    verbs: VIEWERS,
    key: 'include',
    description:
      'what has rows and series of its own, the rest is in (other); with a leading / for cgroups, ' +
      'else for executables',
  },
  exclude: {
    kind: PATTERNS,
    otherwise: 'nothing',
    option: 'exclude',
    placeholder: 'GLOB',
    repeatable: true,
    verbs: VIEWERS,
    key: 'exclude',
    description: 'what has none, even if it is included',
  },
  names: {
    kind: flag(),
    fallback: false,
    option: 'names',
    verbs: VIEWERS,
    key: 'names',
    description: 'names of containers, images and pods, from what the container runtimes keep on the node',
  },
  containerRoots: {
    kind: list(text('a directory'), 'a list of directories'),
    otherwise: 'none',
    option: 'container-root',
    placeholder: 'DIR',
    repeatable: true,
    verbs: VIEWERS,
    key: 'container_roots',
    description:
      "more places of names, as the host has them: Docker's data-root, containerd's state, graphroot or runroot of Podman",
  },
  root: {
    kind: text('a directory'),
    fallback: '/',
    option: 'root',
    placeholder: 'DIR',
    key: 'root',
    description: "where the host's /proc, /sys and /dev are",
  },
  maxTasks: {
    kind: integer({ min: 3, max: 4_000_000 }),
    fallback: 32_768,
    key: 'max_tasks',
    description:
      'processes, on each of their CPUs, that keep their detail within an interval beyond the tables of the CPUs',
  },
  'kubelet.url': {
    kind: httpUrl(),
    required: true,
    key: 'kubelet.url',
    description:
      "this node's kubelet, asked for the names of its pods: https://NODE:10250, or " +
      'http://127.0.0.1:10255 where the read-only port is open',
  },
  'kubelet.tokenFile': {
    kind: text('the path of a file'),
    otherwise: 'none',
    key: 'kubelet.token_file',
    description: 'file with a bearer token that may get nodes/proxy, read anew each time; needs https',
  },
  'kubelet.caFile': {
    kind: text('the path of a file'),
    otherwise: 'those that Node trusts',
    key: 'kubelet.ca_file',
    description: "file with the certificates that sign the kubelet's, PEM",
  },
  followForks: {
    kind: flag(),
    fallback: false,
    description: 'report forks too, so that the descendants of a command can be followed',
  },
  log: {
    kind: callback<(line: string) => void>(),
    otherwise: 'nothing is said',
    description: 'takes a line for every counter that is bound anew, or cannot be',
  },
};

/** How many series the ledger may have. */
export const LIMITS: Table<InGroup<'limits', LedgerLimits>> = {
  'limits.processes': {
    kind: integer({ min: 0, max: 1_000_000 }),
    fallback: 100,
    key: 'limits.processes',
    description: 'processes with a series of their own, the largest first; 0: none has one',
  },
  'limits.executables': {
    kind: SERIES,
    fallback: 1000,
    key: 'limits.executables',
    description: 'executables with a series of their own, the largest first',
  },
  'limits.cgroups': {
    kind: SERIES,
    fallback: 1000,
    key: 'limits.cgroups',
    description: 'cgroups likewise',
  },
  'limits.containers': {
    kind: SERIES,
    fallback: 1000,
    key: 'limits.containers',
    description: 'containers likewise',
  },
};

/** Options of the agent's, the producer's and the instrumentation's recorder. */
export const RECORDER: Table<Library> = {
  ...METER,
  scope: {
    kind: choice(SCOPES),
    fallback: 'process',
    description: 'whose energy an application exports: its own, or all of the machine (as the agent does)',
  },
  ...LIMITS,
};

/** What the command line alone has. */
export const COMMAND: Table<CommandOptions> = {
  config: {
    kind: text('the path of a file'),
    otherwise: 'none',
    option: 'config',
    placeholder: 'FILE',
    verbs: ['agent'],
    description: 'YAML or JSON with the keys that README.md lists; options override them',
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
  },
  tokenFile: {
    kind: text('the path of a file'),
    otherwise: 'none is asked for',
    option: 'token-file',
    placeholder: 'FILE',
    verbs: ['agent'],
    description: 'file with a bearer token that whoever reads the page must send; read at the start',
  },
  webConfigFile: {
    kind: text('the path of a file'),
    otherwise: 'neither TLS nor passwords',
    option: 'web.config.file',
    placeholder: 'FILE',
    verbs: ['agent'],
    description:
      "TLS and basic auth of the page, in the format of Prometheus' exporter toolkit; read at the start",
  },
  by: {
    kind: choice(VIEWS),
    fallback: 'process',
    option: 'by',
    placeholder: VIEWS.join('|'),
    verbs: ['top'],
    description: 'what the table lists',
  },
  limit: {
    kind: integer({ min: 1, max: 1_000_000 }),
    otherwise: 'what fits the terminal, else 20; with --json all',
    option: 'limit',
    placeholder: 'N',
    verbs: ['top'],
    description: 'rows of the table, or processes in a JSON line; the rest is in (other)',
  },
  count: {
    kind: integer({ min: 1, max: 1_000_000_000 }),
    otherwise: 'until interrupted',
    option: 'count',
    placeholder: 'N',
    verbs: ['top'],
    description: 'snapshots before it ends',
  },
  output: {
    kind: text('the path of a file'),
    otherwise: 'none',
    option: 'output',
    placeholder: 'FILE',
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
    description: 'output for programs: a JSON object a line',
  },
};

/** The limits where nobody sets them. */
export const DEFAULT_LIMITS: LedgerLimits = {
  processes: LIMITS['limits.processes'].fallback!,
  executables: LIMITS['limits.executables'].fallback!,
  cgroups: LIMITS['limits.cgroups'].fallback!,
  containers: LIMITS['limits.containers'].fallback!,
};

/** Rows of a table, for those who go through all of them. */
export function rowsOf(table: object): readonly (readonly [name: string, setting: Setting<unknown>])[] {
  return Object.entries(table) as never;
}
