// SPDX-License-Identifier: Apache-2.0
import { clock, duration, inWatts, mark, watts } from '../shared/format.ts';
import { beginOf } from '../shared/history.ts';
import { framesIn } from '../shared/shown.ts';
import type { Frame } from '../shared/wire.ts';
import { AXIS_PX, RIGHT_PX } from './chart.ts';
import { byId, element, setAttribute, setText, sized, styleOf } from './dom.ts';
import type { Scene } from './scene.ts';

const HEIGHT_PX = 128;
const ROW_PX = { least: 2, most: 20 };
const LABEL_PX = 11;
const COLUMN_PX = 3;

/** A core is a line below the chart, on its axis of time; darkness is watts above idle, in one hue for every eye. */
export class Cores {
  readonly #canvas = element('canvas', { role: 'img' });
  #scene: Scene | undefined;

  constructor() {
    byId('cores').append(this.#canvas);
    new ResizeObserver(() => this.#scene && this.draw(this.#scene)).observe(byId('cores'));
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { store, window, hello, shown, view } = scene;
    const cores = coresOf(scene);
    const width = byId('cores').clientWidth;
    if (cores.length === 0 || width === 0) return;
    const row = Math.max(ROW_PX.least, Math.min(ROW_PX.most, Math.floor(HEIGHT_PX / cores.length)));
    const context = sized(this.#canvas, width, cores.length * row);
    const columns = columnsOf(store.history.frames, scene, Math.floor((width - AXIS_PX) / COLUMN_PX));
    const darkest = Math.max(1e-3, ...columns.flatMap(({ active }) => [...active.values()]));
    const at = (time: number): number =>
      AXIS_PX + ((time - window.from) / (window.to - window.from)) * (width - AXIS_PX - RIGHT_PX);
    const lines = new Map(cores.map((core, line) => [core, line]));
    context.fillStyle = styleOf('--heat');
    for (const { from, to, active } of columns)
      for (const [core, value] of active) {
        context.globalAlpha = 0.06 + 0.94 * (value / darkest);
        const left = Math.max(at(from), AXIS_PX);
        context.fillRect(left, lines.get(core)! * row, Math.max(0.5, at(to) - left), row - (row > 5 ? 1 : 0));
      }
    context.globalAlpha = 1;
    this.#label(context, cores, row, scene);
    const span = view.span && (shown ?? view.span);
    if (span) frame(context, at(span.from), at(span.to), cores.length * row);
    const sign = mark(hello?.source.kind);
    const now = shown ? `, together ${sign}${watts(activeOf(scene), shown.ms)} above idle` : '';
    setText(byId('cores-note'), `${cores.length} · full colour is ${sign}${inWatts(darkest)} above idle`);
    const time = `${clock(window.from)} to ${clock(window.to)}, ${duration(window.to - window.from)}`;
    setAttribute(this.#canvas, 'aria-label', `Watts of ${cores.length} cores, ${time}${now}`);
  }

  #label(context: CanvasRenderingContext2D, cores: readonly number[], row: number, { store }: Scene): void {
    context.fillStyle = styleOf('--mute');
    context.font = '11px system-ui, sans-serif';
    context.textBaseline = 'middle';
    context.textAlign = 'right';
    const every = Math.ceil(LABEL_PX / row);
    cores.forEach((core, line) => {
      const name = store.dictionary.cores.get(core)!;
      // `0:3` is package and core.
      const label = name.startsWith('0:') ? `core ${name.slice(2)}` : name;
      if (line % every === 0) context.fillText(label, AXIS_PX - 8, line * row + Math.max(row, LABEL_PX) / 2);
    });
  }
}

function coresOf({ store }: Scene): number[] {
  const cores = new Set<number>();
  for (const { cores: all } of store.history.frames)
    for (let i = 0; i < all.length; i += 3) cores.add(all[i]!);
  return [...cores].toSorted((one, other) =>
    store.dictionary.cores
      .get(one)!
      .localeCompare(store.dictionary.cores.get(other)!, 'en', { numeric: true }),
  );
}

interface Column {
  readonly from: number;
  readonly to: number;
  /** W above idle, by core. */
  readonly active: ReadonlyMap<number, number>;
}

function columnsOf(frames: readonly Frame[], { window }: Scene, most: number): Column[] {
  const stepMs = 1000 * Math.max(1, Math.ceil((window.to - window.from) / 1000 / most));
  const parts = new Map<number, Frame[]>();
  for (const one of frames) {
    if (one.time < window.from || one.time > window.to) continue;
    const key = Math.floor(one.time / stepMs);
    const part = parts.get(key);
    if (part) part.push(one);
    else parts.set(key, [one]);
  }
  return [...parts.values()].map((part) => {
    const ms = part.reduce((sum, one) => sum + one.ms, 0);
    const active = new Map<number, number>();
    for (const { cores } of part)
      for (let i = 0; i < cores.length; i += 3)
        active.set(cores[i]!, (active.get(cores[i]!) ?? 0) + (cores[i + 1]! - cores[i + 2]!) / ms / 1000);
    return { from: beginOf(part[0]!), to: part.at(-1)!.time, active };
  });
}

/** µJ above idle of all cores in the time that is shown. */
function activeOf({ store, shown }: Scene): number {
  let active = 0;
  for (const { cores } of framesIn(store.history, shown!))
    for (let i = 0; i < cores.length; i += 3) active += cores[i + 1]! - cores[i + 2]!;
  return active;
}

function frame(context: CanvasRenderingContext2D, from: number, to: number, height: number): void {
  const left = Math.max(from, AXIS_PX);
  if (to <= left) return;
  context.strokeStyle = styleOf('--accent');
  context.lineWidth = 1.5;
  context.strokeRect(left, 0.75, to - left, height - 1.5);
}
