// SPDX-License-Identifier: Apache-2.0
import { usageError } from '../model/errors.ts';
import type { CommandOptions } from '../settings/types.ts';
import { FEWEST_PAIRS } from './signed-rank.ts';

type Command = readonly string[];

/** What `joules stat` is asked for. */
export type StatRequest =
  | { readonly does: 'run'; readonly command: Command }
  | { readonly does: 'repeat'; readonly command: Command; readonly times: number; readonly warmUp: number }
  | {
      readonly does: 'compare';
      readonly commands: readonly [a: Command, b: Command];
      readonly times: number;
      readonly warmUp: number;
      /** Percent. */
      readonly failIfMore: number | undefined;
    }
  | { readonly does: 'attach'; readonly to: Running; readonly timeout: number | undefined };

/** What runs already. */
export type Running =
  { readonly pids: readonly number[] } | { readonly cgroup: string } | { readonly container: string };

const PAIRS = 10;

/** Makes sense of options and words that are right each by itself. @throws usageError, one line. */
export function statRequest(own: CommandOptions, words: Command): StatRequest {
  const running = runningOf(own);
  if (running) {
    refuse(
      own,
      ['repeat', 'warmUp', 'compare', 'failIfMore'],
      `is for commands, and ${running.option} is given`,
    );
    if (words.length > 0)
      throw usageError(`${running.option} measures what runs already: leave out ${words.join(' ')}`);
    return { does: 'attach', to: running.to, timeout: own.timeout };
  }
  refuse(
    own,
    ['timeout'],
    'is for what runs already: for a command use timeout(1), joules stat timeout 5 COMMAND…',
  );
  if (own.compare) return comparison(own, words);
  refuse(own, ['failIfMore'], 'needs --compare: joules stat --compare --fail-if-more 5 -- A… -- B…');
  if (!words[0]) {
    throw usageError(
      'stat needs a command, joules stat COMMAND…, or what runs already, by -p, --cgroup or --container',
    );
  }
  const { repeat = 1, warmUp = 1 } = own;
  if (repeat === 1) {
    refuse(
      own,
      ['warmUp'],
      'is for a command that is run several times: joules stat -r 10 --warm-up 1 COMMAND…',
    );
    return { does: 'run', command: words };
  }
  return { does: 'repeat', command: words, times: repeat, warmUp };
}

const NAMES = {
  repeat: '--repeat',
  warmUp: '--warm-up',
  compare: '--compare',
  failIfMore: '--fail-if-more',
  timeout: '--timeout',
} as const;

function refuse(own: CommandOptions, names: readonly (keyof typeof NAMES)[], why: string): void {
  const given = names.find((name) => own[name] !== undefined);
  if (given !== undefined) throw usageError(`${NAMES[given]} ${why}`);
}

function runningOf({ pids, cgroup, container }: CommandOptions): { to: Running; option: string } | undefined {
  const given = [
    ...(pids === undefined ? [] : [{ to: { pids }, option: '--pid' }]),
    ...(cgroup === undefined ? [] : [{ to: { cgroup }, option: '--cgroup' }]),
    ...(container === undefined ? [] : [{ to: { container }, option: '--container' }]),
  ];
  if (given.length > 1) {
    throw usageError(
      `${given.map(({ option }) => option).join(' and ')} are given: one at a time can be measured`,
    );
  }
  return given[0];
}

function comparison(own: CommandOptions, words: Command): StatRequest {
  const { repeat = PAIRS, warmUp = 1, failIfMore } = own;
  if (repeat < FEWEST_PAIRS) {
    throw usageError(
      `--compare needs ${FEWEST_PAIRS} pairs of runs or more to be 95 % sure, not ${repeat}: give -r ${PAIRS}`,
    );
  }
  return { does: 'compare', commands: twoCommands(words), times: repeat, warmUp, failIfMore };
}

/** Between two commands that have `--` themselves `--vs` stands. */
function twoCommands(words: Command): readonly [Command, Command] {
  const between = words.includes('--vs') ? '--vs' : '--';
  const at = words.flatMap((word, i) => (word === between ? [i] : []));
  if (at.length > 1) {
    const advice = between === '--' ? ': put --vs between the two' : ' between them: one can be';
    throw usageError(`--compare takes two commands, and there are ${at.length} ${between}${advice}`);
  }
  const [a, b] = at.length === 0 ? [words, []] : [words.slice(0, at[0]), words.slice(at[0]! + 1)];
  if (!a[0] || !b[0]) throw usageError('--compare needs two commands: joules stat --compare -- A… -- B…');
  return [a, b];
}
