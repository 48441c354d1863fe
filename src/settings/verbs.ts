// SPDX-License-Identifier: Apache-2.0
// What verbs there are: parser, --help, completion and manual are made of this. cli/main.ts knows what runs each.

/** What a verb takes beside options. */
export interface Operands {
  /** As usage has it. */
  readonly usage: string;
  /** A command takes all that follows it, options too. A list: one of these words. */
  readonly takes: 'command' | 'file' | readonly string[];
  /** How many at most. */
  readonly most: number;
}

export interface VerbInfo {
  /** One line of help. */
  readonly summary: string;
  readonly operands?: Operands;
  /** Whether it has the options of the meter. */
  readonly measures: boolean;
  /** Without the leading `joules`; each with a word on what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[];
}

/** In the order in which help lists them. */
export const VERB_NAMES = [
  'agent',
  'top',
  'stat',
  'record',
  'report',
  'page',
  'verify',
  'doctor',
  'completion',
] as const;
export type Verb = (typeof VERB_NAMES)[number];

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

const RECORDING: Operands = { usage: 'FILE', takes: 'file', most: 1 };

export const VERBS: Readonly<Record<Verb, VerbInfo>> = {
  agent: {
    summary: 'measure and publish as OpenTelemetry metrics until interrupted',
    measures: true,
    examples: [['agent -c /etc/joules.yaml', 'with settings of a file']],
  },
  top: {
    summary: 'who uses energy now, full screen; with --json one snapshot a line',
    measures: true,
    examples: [['top -b cgroup', 'by control group']],
  },
  stat: {
    summary: 'run a command and tell what it and its descendants used',
    operands: { usage: '[--] COMMAND…', takes: 'command', most: Infinity },
    measures: true,
    examples: [
      ['stat make -j2', 'one command'],
      ["stat sh -c 'a | b'", 'a pipeline'],
    ],
  },
  record: {
    summary: 'write what is measured to a compressed file, for report, page and top --replay',
    measures: true,
    examples: [['record -o night.br', 'until interrupted']],
  },
  report: {
    summary: 'tell what was used in a recording, or in a part of it',
    operands: RECORDING,
    measures: false,
    examples: [
      ['report night.br -b cgroup', 'all of it, by control group'],
      ['report night.br --from 03:00 --to 04:00', 'an hour of it'],
    ],
  },
  page: {
    summary: 'show a recording in a browser',
    operands: RECORDING,
    measures: false,
    examples: [['page night.br --from 2h', 'its last two hours']],
  },
  verify: {
    summary: 'run known loads and judge whether this machine measures what they drew',
    measures: true,
    examples: [['verify --seconds 30', 'a short one']],
  },
  doctor: {
    summary: 'what this kernel, hardware and user can measure',
    measures: true,
    examples: [],
  },
  completion: {
    summary: 'print what makes a shell complete verbs, options and values',
    operands: { usage: SHELLS.join('|'), takes: SHELLS, most: 1 },
    measures: false,
    examples: [
      ['completion bash > /etc/bash_completion.d/joules', 'bash, for all users'],
      ['completion zsh > /usr/local/share/zsh/site-functions/_joules', 'zsh, for all users'],
      ['completion fish > ~/.config/fish/completions/joules.fish', 'fish, for you'],
    ],
  },
};

export function isVerb(name: string): name is Verb {
  return Object.hasOwn(VERBS, name);
}
