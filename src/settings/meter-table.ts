// SPDX-License-Identifier: Apache-2.0
import type { KubeletOptions } from '../identity/kubelet.ts';
import { ATTRIBUTIONS } from '../model/source.ts';
import { callback, choice, flag, httpUrl, integer, list, number, text } from './kinds.ts';
import { type InGroup, MAX_TIMER_MS, type Table } from './setting.ts';
import type { MeterOptions } from './types.ts';

const WATTS = number({ min: 0, max: 10_000, unit: 'watts' });
const PATTERNS = list(text('a pattern'), 'a list of patterns');
const VIEWERS = ['agent', 'top', 'record'] as const;

/** Options of the meter, as `openMeter` has them. */
export const METER: Table<Omit<MeterOptions, 'kubelet'> & InGroup<'kubelet', KubeletOptions>> = {
  source: {
    kind: text('the name of a source'),
    fallback: 'auto',
    option: 'source',
    placeholder: 'SPEC',
    short: 's',
    offers: ['auto', 'power_core', 'power_per_core', 'msr', 'power', 'powercap', 'estimated', 'perf:'],
    key: 'source',
    description:
      'energy counter: auto, power_core, power_per_core, msr, power, powercap, estimated, or ' +
      'perf:PMU/EVENT/[,scope=cpu|core|package][,joules=J_PER_COUNT][,kind=KIND]',
    brief: 'energy counter to use',
  },
  attribution: {
    kind: choice(ATTRIBUTIONS),
    fallback: 'learned',
    option: 'attribution',
    placeholder: 'HOW',
    key: 'attribution',
    description:
      "how what a package's counter counted is split over who ran: by the power that each is learned to draw, as far " +
      'as that is known, or by run time; of counters of cores `time` leaves out what is learned of them in bursts',
    brief: "how packages' counters are split",
    rare: true,
  },
  interval: {
    kind: number({ min: 0.001, max: Math.floor(MAX_TIMER_MS / 1000), unit: 'seconds' }),
    fallback: 1,
    option: 'interval',
    placeholder: 'SECONDS',
    short: 'd',
    key: 'interval',
    description: 'time between two snapshots',
  },
  wattsIdle: {
    kind: WATTS,
    otherwise: "known of the CPU's model",
    option: 'watts-idle',
    placeholder: 'W',
    key: 'watts_idle',
    description: 'power of a CPU (hardware thread) that idles, for source estimated; with --watts-busy',
    brief: 'power of an idle CPU, for source estimated',
    rare: true,
  },
  wattsBusy: {
    kind: WATTS,
    otherwise: "known of the CPU's model",
    option: 'watts-busy',
    placeholder: 'W',
    key: 'watts_busy',
    description: 'power of a CPU that is busy, for source estimated',
    brief: 'power of a busy CPU, for source estimated',
    rare: true,
  },
  include: {
    kind: PATTERNS,
    otherwise: 'everything',
    option: 'include',
    placeholder: 'GLOB',
    short: 'i',
    repeatable: true,
    verbs: VIEWERS,
    key: 'include',
    description:
      'what has rows and series of its own, the rest is in (other); with a leading / for cgroups, ' +
      'else for executables',
    brief: 'these alone, with a leading / cgroups',
  },
  exclude: {
    kind: PATTERNS,
    otherwise: 'nothing',
    option: 'exclude',
    placeholder: 'GLOB',
    short: 'x',
    repeatable: true,
    verbs: VIEWERS,
    key: 'exclude',
    description: 'what has none, even if it is included',
    brief: 'all but these',
  },
  names: {
    kind: flag(),
    fallback: false,
    option: 'names',
    verbs: VIEWERS,
    key: 'names',
    description: 'names of containers, images and pods, from what the container runtimes keep on the node',
    brief: 'names of containers, images and pods',
  },
  scripts: {
    kind: flag(),
    fallback: false,
    option: 'scripts',
    verbs: VIEWERS,
    key: 'scripts',
    description: 'names of scripts beside those of their interpreters, from command lines: python3 train.py',
    rare: true,
  },
  containerRoots: {
    kind: list(text('a directory'), 'a list of directories'),
    otherwise: 'none',
    option: 'container-root',
    placeholder: 'DIR',
    repeatable: true,
    verbs: VIEWERS,
    // A file of settings may give these to the agent.
    needs: { option: 'names', verbs: ['top', 'record'] },
    key: 'container_roots',
    description:
      "more places of names, as the host has them: Docker's data-root, containerd's state, graphroot or runroot of Podman",
    rare: true,
  },
  root: {
    kind: text('a directory'),
    fallback: '/',
    option: 'root',
    placeholder: 'DIR',
    key: 'root',
    description: "where the host's /proc, /sys and /dev are",
    rare: true,
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
