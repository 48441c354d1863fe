// SPDX-License-Identifier: Apache-2.0
import { clock, duration, inWatts, mark, watts } from '../shared/format.ts';
import type { Dictionary } from '../shared/dictionary.ts';
import { type Heat, heatOf } from '../shared/heat.ts';
import { framesIn } from '../shared/shown.ts';
import { AXIS_PX, RIGHT_PX } from './chart.ts';
import { byId, element, setAttribute, setText, Size, sized, styleOf } from './dom.ts';
import type { Scene } from './scene.ts';

const HEIGHT_PX = 128;
const ROW_PX = { least: 2, most: 20 };
const LABEL_PX = 11;
const COLUMN_PX = 3;
const FRAME_PX = 1.5;
/** A core that is idle is seen to be there. */
const LEAST_ALPHA = 0.06;

/** A core is a line below the chart, on its axis of time; darkness is watts of what ran there, in one hue for every eye. */
export class Cores {
  readonly #canvas = element('canvas', { role: 'img' });
  /** A pixel for each core and column. */
  readonly #pixels = document.createElement('canvas');
  readonly #size = new Size(byId('cores'), () => this.#scene && this.draw(this.#scene));
  #scene: Scene | undefined;
  #drawn = { key: '', at: 0 };
  /** The cores in their order, as ids, and what their names were drawn for. */
  #order: readonly number[] = [];
  #dictionary: Dictionary | undefined;
  #named = '';

  constructor() {
    byId('cores').append(this.#canvas);
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { store, window, view, shown, hello } = scene;
    const { width } = this.#size;
    const span = view.span && (shown ?? view.span);
    const key = [width, devicePixelRatio, view.window, span?.from, span?.to, styleOf('--theme')].join();
    const stepMs = ((window.to - window.from) / Math.max(1, width)) * COLUMN_PX;
    // As the chart, it moves when there is something new to be seen.
    if (width === 0 || (key === this.#drawn.key && Math.abs(window.to - this.#drawn.at) < stepMs)) return;
    const cores = this.#inOrder(scene);
    if (cores.length === 0) return;
    this.#drawn = { key, at: window.to };
    const row = Math.max(ROW_PX.least, Math.min(ROW_PX.most, Math.floor(HEIGHT_PX / cores.length)));
    // Names stay where they are.
    const named = [cores.join(), width, row, devicePixelRatio, styleOf('--theme')].join(' ');
    const isNamed = named === this.#named;
    this.#named = named;
    const context = sized(this.#canvas, width, cores.length * row, isNamed ? AXIS_PX - FRAME_PX : 0);
    const heat = heatOf(store.history.frames, cores, window, Math.floor((width - AXIS_PX) / COLUMN_PX));
    const at = (time: number): number =>
      AXIS_PX + ((time - window.from) / (window.to - window.from)) * (width - AXIS_PX - RIGHT_PX);
    this.#paint(context, heat, at, { row, cores: cores.length, right: width - RIGHT_PX });
    if (!isNamed) this.#label(context, cores, row, scene);
    if (span) frame(context, at(span.from), at(span.to), cores.length * row);
    const sign = mark(hello?.source.kind);
    setText(
      byId('cores-note'),
      `${cores.length} · full colour is ${sign}${inWatts(heat.highest)} of processes on a core`,
    );
    const now = shown ? `, together ${sign}${watts(activeOf(scene), shown.ms)} of processes` : '';
    const time = `${clock(window.from)} to ${clock(window.to)}, ${duration(window.to - window.from)}`;
    setAttribute(this.#canvas, 'aria-label', `Watts of ${cores.length} cores, ${time}${now}`);
  }

  #inOrder({ store }: Scene): readonly number[] {
    const found = new Set<number>();
    for (const { cores: all } of store.history.frames)
      for (let i = 0; i < all.length; i += 3) found.add(all[i]!);
    const isSame = found.size === this.#order.length && this.#order.every((core) => found.has(core));
    if (isSame && this.#dictionary === store.dictionary) return this.#order;
    this.#dictionary = store.dictionary;
    this.#named = '';
    const name = (core: number): string => store.dictionary.cores.get(core)!;
    const { compare } = new Intl.Collator('en', { numeric: true });
    this.#order = [...found].toSorted((one, other) => compare(name(one), name(other)));
    return this.#order;
  }

  #paint(
    context: CanvasRenderingContext2D,
    { begin, stepMs, columns, watts: values, highest }: Heat,
    at: (time: number) => number,
    { row, cores, right }: { readonly row: number; readonly cores: number; readonly right: number },
  ): void {
    this.#pixels.width = columns;
    this.#pixels.height = cores;
    const small = this.#pixels.getContext('2d')!;
    const image = small.createImageData(columns, cores);
    const [red, green, blue] = rgb(styleOf('--heat'));
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (Number.isNaN(value)) continue;
      const alpha = LEAST_ALPHA + (1 - LEAST_ALPHA) * (highest > 0 ? Math.max(0, value) / highest : 0);
      image.data[4 * i] = red;
      image.data[4 * i + 1] = green;
      image.data[4 * i + 2] = blue;
      image.data[4 * i + 3] = 255 * alpha;
    }
    small.putImageData(image, 0, 0);
    context.save();
    context.beginPath();
    context.rect(AXIS_PX, 0, right - AXIS_PX, cores * row);
    context.clip();
    context.imageSmoothingEnabled = false;
    const left = at(begin);
    context.drawImage(this.#pixels, left, 0, at(begin + columns * stepMs) - left, cores * row);
    // Lines between cores, where they are high enough for that.
    if (row > 5) for (let line = 1; line <= cores; line++) context.clearRect(0, line * row - 1, right, 1);
    context.restore();
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

/** µJ of processes on all cores, which is all but the idle part, in the time that is shown. */
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
  context.lineWidth = FRAME_PX;
  context.strokeRect(left, 0.75, to - left, height - 1.5);
}

/** Of a colour that the style gives as `#rrggbb`. */
function rgb(color: string): readonly [number, number, number] {
  const digits = color.slice(1).match(/../g)!;
  const [red = 0, green = 0, blue = 0] = digits.map((two) => Number.parseInt(two, 16));
  return [red, green, blue];
}
