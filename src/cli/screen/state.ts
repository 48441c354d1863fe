// SPDX-License-Identifier: Apache-2.0
import { type View, VIEWS } from '../../settings/types.ts';
import { type Entry, type Sort, SORTS } from './entry.ts';

/** Seconds that figures of now are means of. */
const MEANS = [1, 5, 30] as const;
export type Mean = (typeof MEANS)[number];

/** What somebody has chosen to look at. It changes by keys alone. */
export interface State {
  readonly view: View;
  readonly sort: Sort;
  readonly mean: Mean;
  /** Words that all rows have in their name, pid or place. */
  readonly find: string;
  readonly isTyping: boolean;
  readonly isPaused: boolean;
  readonly isHelp: boolean;
  /** Keys of groups whose rows are hidden. */
  readonly folded: ReadonlySet<string>;
  /** Key of the row that is marked, once somebody has moved there. */
  readonly cursor: string | undefined;
  /** The first row that is in sight. */
  readonly top: number;
}

export const START: State = {
  view: 'process',
  sort: 'watts',
  mean: 5,
  find: '',
  isTyping: false,
  isPaused: false,
  isHelp: false,
  folded: new Set(),
  cursor: undefined,
  top: 0,
};

/** What is on the screen when a key is pressed. */
export interface Sight {
  readonly entries: readonly Entry[];
  /** Lines that it has for rows. */
  readonly room: number;
}

/** A key as `node:readline` tells it. */
export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly meta?: boolean | undefined;
}

/** Characters of a filter at most. */
const LONGEST = 200;

/** The state after a key; the same one where it means nothing. */
export function press(state: State, key: Key, sight: Sight): State {
  if (state.isTyping) return typed(state, key);
  const name = nameOf(key);
  if (state.isHelp) return { ...state, isHelp: false };
  const step = MOVES[name];
  if (step) return moved(state, sight, step(at(state, sight), sight));
  return CHOICES[name]?.(state, sight) ?? state;
}

/** Whether a key ends it: unless a filter is typed, `q`, and Ctrl-C in any case. */
export function isQuit(state: State, key: Key): boolean {
  const name = nameOf(key);
  return name === 'ctrl-c' || (!state.isTyping && name === 'q');
}

/** A letter as it is typed, or what a key is called. */
export function nameOf({ name, sequence = '', ctrl, meta }: Key): string {
  if (ctrl) return `ctrl-${name}`;
  if (!meta && /^[!-~]$/.test(sequence)) return sequence;
  return name ?? sequence;
}

/** Index of the row that is marked; -1: none is. */
export function at({ cursor }: State, { entries }: Sight): number {
  return cursor === undefined ? -1 : entries.findIndex(({ key }) => key === cursor);
}

/** The first row in sight such that the marked one is, and no room is wasted. */
export function topOf(state: State, sight: Sight): number {
  const { entries, room } = sight;
  const index = at(state, sight);
  let { top } = state;
  if (index >= 0) top = Math.min(index, Math.max(top, index - room + 1));
  return Math.max(0, Math.min(top, entries.length - room));
}

const MOVES: Readonly<Record<string, (index: number, sight: Sight) => number>> = {
  up: (index) => Math.max(0, index - 1),
  k: (index) => Math.max(0, index - 1),
  down: (index) => index + 1,
  j: (index) => index + 1,
  pageup: (index, { room }) => Math.max(0, index - room),
  pagedown: (index, { room }) => Math.max(0, index) + room,
  home: () => 0,
  g: () => 0,
  end: () => Infinity,
  G: () => Infinity,
};

const CHOICES: Readonly<Record<string, (state: State, sight: Sight) => State>> = {
  '/': (state) => ({ ...state, isTyping: true }),
  '?': (state) => ({ ...state, isHelp: true }),
  h: (state) => ({ ...state, isHelp: true }),
  space: (state) => ({ ...state, isPaused: !state.isPaused }),
  t: (state) => viewed(state, state.view === 'cgroup' ? 'process' : 'cgroup'),
  c: (state) => viewed(state, state.view === 'core' ? 'process' : 'core'),
  tab: (state) => viewed(state, next(VIEWS, state.view)),
  s: (state) => ({ ...state, sort: next(SORTS, state.sort), top: 0 }),
  m: (state) => ({ ...state, mean: next(MEANS, state.mean) }),
  left: (state, sight) => fold(state, sight, true),
  right: (state, sight) => fold(state, sight, false),
  return: (state, sight) => fold(state, sight, undefined),
  escape: (state) => ({ ...state, find: '', cursor: undefined, top: 0 }),
};

function typed(state: State, key: Key): State {
  const name = nameOf(key);
  if (name === 'return' || name === 'enter') return { ...state, isTyping: false };
  if (name === 'escape') return { ...state, isTyping: false, find: '', top: 0 };
  if (name === 'backspace') return { ...state, find: Array.from(state.find).slice(0, -1).join(''), top: 0 };
  if (name === 'ctrl-u') return { ...state, find: '', top: 0 };
  const text = key.ctrl || key.meta ? '' : (key.sequence ?? '');
  // What is pasted comes a character at a time; keys that move have sequences of several.
  if (Array.from(text).length !== 1 || /\p{C}/u.test(text) || state.find.length >= LONGEST) return state;
  return { ...state, find: state.find + text, top: 0 };
}

function viewed(state: State, view: View): State {
  return { ...state, view, cursor: undefined, top: 0 };
}

function moved(state: State, sight: Sight, to: number): State {
  const { entries } = sight;
  const entry = entries[Math.min(to, entries.length - 1)];
  if (!entry) return state;
  const marked = { ...state, cursor: entry.key };
  return { ...marked, top: topOf(marked, sight) };
}

/** Hides or shows what is in the marked group, or in the one that the marked row is in. */
function fold(state: State, sight: Sight, isFolded: boolean | undefined): State {
  const index = at(state, sight);
  const marked = sight.entries[index];
  if (state.view !== 'cgroup' || !marked) return state;
  const isOwn = marked.kind === 'group' && (isFolded !== true || marked.isFolded === false);
  const group = isOwn ? marked : parentOf(sight.entries, index);
  if (!group) return state;
  const folded = new Set(state.folded);
  if (isFolded ?? !folded.has(group.key)) folded.add(group.key);
  else folded.delete(group.key);
  return { ...state, folded, cursor: group.key };
}

function parentOf(entries: readonly Entry[], index: number): Entry | undefined {
  const { depth } = entries[index]!;
  return entries.slice(0, index).findLast((entry) => entry.kind === 'group' && entry.depth < depth);
}

function next<T>(all: readonly T[], one: T): T {
  return all[(all.indexOf(one) + 1) % all.length]!;
}
