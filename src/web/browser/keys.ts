// SPDX-License-Identifier: Apache-2.0
import { type Span, stepsOf } from '../shared/shown.ts';
import { byId } from './dom.ts';
import type { Scene } from './scene.ts';

/** Least span by keys, and how far it moves, ms. */
const STEP_MS = 10_000;

export interface KeyActions {
  readonly scene: () => Scene;
  readonly pause: () => void;
  readonly theme: () => void;
}

/** What can be done without a pointer. */
export function listenToKeys({ scene, pause, theme }: KeyActions): void {
  const find = byId('find') as HTMLInputElement;
  const press = (id: string, index: number): void => (byId(id).children[index] as HTMLElement).click();
  const actions: Readonly<Record<string, () => void>> = {
    '/': () => find.select(),
    ' ': pause,
    t: theme,
    '1': () => press('window', 0),
    '5': () => press('window', 1),
    '0': () => press('window', 2),
    p: () => press('by', 0),
    x: () => press('by', 1),
    c: () => press('by', 2),
    '?': () => (byId('help') as HTMLDialogElement).showModal(),
    Escape: () => stepBack(scene()),
  };
  addEventListener('keydown', (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || (byId('help') as HTMLDialogElement).open) return;
    const isTyping = target === find;
    if (isTyping && key !== 'Escape') return;
    // Space presses the button that it is on.
    if (key === ' ' && target instanceof HTMLButtonElement) return;
    if (target === byId('chart') && moveSpan(event.key, scene())) return event.preventDefault();
    const act = actions[key];
    if (!act) return;
    event.preventDefault();
    if (isTyping) find.blur();
    act();
  });
}

/** Takes back the last of what limits the view: find, span, container. */
function stepBack({ view, change }: Scene): void {
  if (view.find !== '') change({ find: '' });
  else if (view.span) change({ span: undefined });
  else if (view.zoom !== undefined) change({ zoom: undefined });
}

function moveSpan(key: string, { view, shown, store, change }: Scene): boolean {
  const steps = stepsOf(store.history);
  if (!shown || steps.length === 0) return false;
  const oldest = steps[0]!.from;
  const newest = steps.at(-1)!.to;
  const span = view.span ? { from: shown.from, to: shown.to } : undefined;
  const moved = span ? movedBy(key, span) : startAt(key, newest);
  if (!moved) return false;
  // It does not leave what is known.
  const length = moved.to - moved.from;
  const from = Math.min(Math.max(moved.from, oldest), newest - length);
  change({ span: { from, to: from + length } });
  return true;
}

function startAt(key: string, newest: number): Span | undefined {
  return key === 'ArrowLeft' || key === 'ArrowRight' ? { from: newest - 3 * STEP_MS, to: newest } : undefined;
}

function movedBy(key: string, { from, to }: Span): Span | undefined {
  switch (key) {
    case 'ArrowLeft':
      return { from: from - STEP_MS, to: to - STEP_MS };
    case 'ArrowRight':
      return { from: from + STEP_MS, to: to + STEP_MS };
    case 'ArrowUp':
      return { from: from - STEP_MS, to };
    case 'ArrowDown':
      return { from: Math.min(from + STEP_MS, to - STEP_MS), to };
    default:
      return undefined;
  }
}
