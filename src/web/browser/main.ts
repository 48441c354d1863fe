// SPDX-License-Identifier: Apache-2.0
import { Owners } from '../shared/columns.ts';
import { beginOf } from '../shared/history.ts';
import { framesIn, type Shown, type Span } from '../shared/shown.ts';
import { Store } from '../shared/store.ts';
import { Chart } from './chart.ts';
import { Cores } from './cores.ts';
import { byId, forgetStyles, setAttribute, setText, styleOf } from './dom.ts';
import { Header, tellState } from './header.ts';
import { Icicle } from './icicle.ts';
import { listenToKeys } from './keys.ts';
import { Limits } from './limits.ts';
import { save } from './save.ts';
import type { Scene } from './scene.ts';
import { Stream } from './stream.ts';
import { Table } from './table.ts';
import { fromAddress, toAddress, type View, WINDOWS } from './view.ts';

/** Intervals without a frame after which that is said. */
const SILENT_INTERVALS = 4;
/** The chart is not narrower than this while there is little to show and more is to come, ms. */
const LEAST_WINDOW_MS = 60_000;

const store = new Store();
const owners = new Owners();
const header = new Header();
const limits = new Limits();
const icicle = new Icicle();
const chart = new Chart();
const cores = new Cores();
const table = new Table();

let view = fromAddress(location.hash);
/** The time at which somebody paused, and what was shown then. */
let paused: { readonly at: number; readonly shown: Shown | undefined } | undefined;
/** What was shown of a span: it stays when the history gets coarser or ends. */
let marked: { readonly key: string; readonly shown: Shown } | undefined;
let lastFrame = performance.now();
let isDue = false;

const stream = new Stream(store, () => {
  lastFrame = performance.now();
  drawSoon();
});
setInterval(() => isStale() && drawSoon(), 1000);

function shownOf(): Shown | undefined {
  const span = view.span ?? recordedSpan();
  if (!span) return paused ? paused.shown : store.shown(undefined);
  const key = `${span.from}-${span.to}`;
  if (marked?.key === key) return marked.shown;
  const shown = store.shown(span);
  if (shown) marked = { key, shown };
  return shown;
}

/** Of what was recorded nothing is now: without a span all of it is shown. */
function recordedSpan(): Span | undefined {
  const { hello, history } = store;
  const [first] = history.frames;
  return hello?.isRecording === true && first ? { from: beginOf(first), to: history.last!.time } : undefined;
}

function scene(): Scene {
  const { hello, history, dictionary } = store;
  const shown = shownOf();
  const to = paused?.at ?? history.last?.time ?? Date.now();
  const begin = history.frames[0] ? beginOf(history.frames[0]) : to;
  // The longest time that can be chosen is all of a recording.
  const isRecording = hello?.isRecording === true && history.last !== undefined;
  const longest = isRecording && view.window === WINDOWS.at(-1);
  const length = longest ? hello.history : view.window * 1000;
  const from = Math.max(to - length, Math.min(begin, isRecording ? to : to - LEAST_WINDOW_MS));
  return {
    store,
    hello,
    view,
    shown,
    window: { from, to },
    owners,
    slots: owners.slots(history.frames, dictionary),
    isPaused: paused !== undefined,
    isLost: stream.state === 'lost',
    isStale: isStale(),
    rate: rateOf(shown),
    change,
  };
}

function isStale(): boolean {
  const silence = performance.now() - lastFrame;
  return (
    stream.state === 'live' &&
    store.hello?.isRecording !== true &&
    silence > SILENT_INTERVALS * (store.hello?.interval ?? 1000)
  );
}

/** What the meter itself used, and how much it had to do. */
function rateOf(shown: Shown | undefined): Scene['rate'] {
  const frames = shown ? framesIn(store.history, shown) : [];
  const sum = (index: 0 | 1 | 2): number => frames.reduce((total, { self }) => total + self[index], 0);
  const ms = frames.reduce((total, frame) => total + frame.ms, 0) || 1;
  const switches = Math.round((sum(1) / ms) * 1000).toLocaleString('en');
  return { watts: sum(0) / ms / 1000, switches, lost: sum(2) };
}

function draw(): void {
  isDue = false;
  const now = scene();
  header.draw(now);
  tellState(now);
  limits.draw(now);
  icicle.draw(now);
  chart.draw(now);
  cores.draw(now);
  table.draw(now);
  press('window', String(view.window));
  press('by', view.by);
  const find = byId('find') as HTMLInputElement;
  if (find.value !== view.find) find.value = view.find;
  for (const id of ['save-json', 'save-csv']) (byId(id) as HTMLButtonElement).disabled = !now.shown;
}

function drawSoon(): void {
  if (isDue || document.hidden) return;
  isDue = true;
  requestAnimationFrame(draw);
}

function change(changed: Partial<View>): void {
  view = { ...view, ...changed };
  history.replaceState(null, '', `${location.pathname}#${toAddress(view)}`);
  drawSoon();
}

function press(id: string, value: string): void {
  for (const one of byId(id).children)
    setAttribute(one, 'aria-pressed', String((one as HTMLElement).dataset['value'] === value));
}

function pause(): void {
  paused = paused ? undefined : { at: store.history.last?.time ?? Date.now(), shown: store.shown(undefined) };
  const node = byId('pause');
  setText(node, paused ? 'Go on' : 'Pause');
  setAttribute(node, 'aria-pressed', String(paused !== undefined));
  drawSoon();
}

function changeTheme(): void {
  document.documentElement.dataset['theme'] = styleOf('--theme') === 'dark' ? 'light' : 'dark';
  forgetStyles();
  drawSoon();
}

function saveAs(format: 'json' | 'csv'): void {
  const { shown, hello, view: choice } = scene();
  if (shown && hello) save(format, { shown, hello, choice, items: table.items });
}

for (const one of byId('window').children)
  one.addEventListener('click', () => change({ window: Number((one as HTMLElement).dataset['value']) }));
for (const one of byId('by').children)
  one.addEventListener('click', () => change({ by: (one as HTMLElement).dataset['value'] as View['by'] }));
byId('pause').addEventListener('click', pause);
byId('theme').addEventListener('click', changeTheme);
byId('keys').addEventListener('click', () => (byId('help') as HTMLDialogElement).showModal());
byId('save-json').addEventListener('click', () => saveAs('json'));
byId('save-csv').addEventListener('click', () => saveAs('csv'));
byId('find').addEventListener('input', ({ target }) => change({ find: (target as HTMLInputElement).value }));
addEventListener('hashchange', () => {
  view = fromAddress(location.hash);
  drawSoon();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  forgetStyles();
  drawSoon();
});
document.addEventListener('visibilitychange', drawSoon);
addEventListener('resize', drawSoon);
listenToKeys({ scene, pause, theme: changeTheme });
draw();
