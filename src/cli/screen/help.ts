// SPDX-License-Identifier: Apache-2.0
import type { SourceKind } from '../../model/source.ts';
import { wrapped } from '../../util/wrapped.ts';
import type { Line } from './look.ts';

/** Keys and what they do, in few words: they are read at 40 columns as well. */
const KEYS: readonly (readonly [string, string])[] = [
  ['q Ctrl-C', 'quit'],
  ['t', 'tree of cgroups, or processes'],
  ['c', 'cores, or processes'],
  ['Tab', 'next view'],
  ['s', 'sort by the next column'],
  ['m', 'mean of 1, 5 or 30 s'],
  ['/', 'filter; Esc clears it'],
  ['Space', 'pause, or go on'],
  ['Up Down', 'mark a row; also j k g G'],
  ['Left Right', 'fold, unfold its group'],
  ['Ctrl-Z', 'suspend'],
];

const REPLAY_KEYS: readonly (readonly [string, string])[] = [
  [', .', 'a snapshot back, or on'],
  ['[ ]', '10 s back, or on'],
  ['{ }', '5 min back, or on'],
  ['- +', 'slower, or faster'],
];

const MEANING: Readonly<Record<SourceKind, string>> = {
  measured: 'measured: a counter of the cores themselves, read at context switches',
  apportioned: 'apportioned: a counter that many CPUs share, split over who ran',
  estimated: 'estimated: no energy was counted; comparing such watts compares little more than CPU time',
};

const LEDGER =
  'unattributed: counted, but of nobody: shared by all, or of a time or a process that could not be told';

/** As web/shared/calm.ts orders them. */
const ORDER =
  'order: by watts, CPU or joules a row passes the one above it only once it has a quarter more, so that rows can be read';

/** What covers the rows while somebody asks for help: as much of it as there is room for. */
export function helpLines(
  options: { readonly kind: SourceKind | undefined; readonly isReplay: boolean; readonly self: string },
  width: number,
): Line[] {
  const keys = options.isReplay ? [...KEYS, ...REPLAY_KEYS] : KEYS;
  const lines = inColumns(
    keys.map(([key, what]): Line => [
      { text: `  ${key.padEnd(11)}`, style: 'bold' },
      { text: what.padEnd(30) },
    ]),
    width,
  );
  const notes = [options.kind && MEANING[options.kind], LEDGER, ORDER, options.self].filter(Boolean);
  const said = notes
    .flatMap((note) => wrapped(String(note), width - 2))
    .map((text): Line => [{ text: `  ${text}` }]);
  const close: Line = [{ text: '  any key closes this', style: 'dim' }];
  return [...lines, [], ...said, close];
}

/** Half as many lines, where two fit beside each other. */
function inColumns(lines: readonly Line[], width: number): Line[] {
  if (width < 80) return [...lines];
  const half = Math.ceil(lines.length / 2);
  return lines.slice(0, half).map((line, i) => [...line, ...(lines[half + i] ?? [])]);
}
