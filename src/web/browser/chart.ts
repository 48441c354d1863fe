// SPDX-License-Identifier: Apache-2.0
import uPlot from 'uplot';
import { columnsOf } from '../shared/columns.ts';
import { clock, inWatts, mark } from '../shared/format.ts';
import { isBelow } from '../shared/items.ts';
import { byId, setAttribute, Size, styleOf } from './dom.ts';
import { Legend } from './legend.ts';
import type { Scene } from './scene.ts';

const FONT = '11px system-ui, sans-serif';
/** Width of the axis of watts: the cores below begin there, too. */
export const AXIS_PX = 56;
export const RIGHT_PX = 14;
/** More columns than one in so many pixels cannot be told apart. */
const COLUMN_PX = 3;
const DRAG_PX = 5;

/** Watts over time, stacked by owner, with the span that is marked. */
export class Chart {
  readonly #host = byId('chart');
  readonly #size = new Size(this.#host, () => this.#resized());
  readonly #legend = new Legend();
  #plot: uPlot | undefined;
  #order: readonly string[] = [];
  /** What the plot was built for. */
  #built = '';
  #scene: Scene | undefined;
  #drawn = { key: '', at: 0 };

  draw(scene: Scene): void {
    this.#scene = scene;
    const { slots, view, hello } = scene;
    if (!hello || this.#size.width === 0) return;
    const order = [...slots.keys()].toSorted((one, other) => slots.get(one)! - slots.get(other)!);
    const built = [order.join('\n'), styleOf('--theme'), hello.source.kind, view.zoom].join('\t');
    if (built !== this.#built) this.#build(order, scene);
    this.#built = built;
    this.#fill(scene);
    this.#mark();
    this.#legend.draw(scene, this.#order);
  }

  #resized(): void {
    this.#built = '';
    if (this.#scene) this.draw(this.#scene);
  }

  #fill(scene: Scene): void {
    const { store, owners, window, view } = scene;
    const stepMs = ((window.to - window.from) * COLUMN_PX) / this.#size.width;
    const key = [this.#built, view.window, window.from === window.to, store.history.frames[0]?.time].join();
    // It moves when there is a new column to be seen, not every second.
    const isSame = key.split(',').slice(0, -1).join() === this.#drawn.key;
    if (isSame && Math.abs(window.to - this.#drawn.at) < stepMs) return;
    this.#drawn = { key: key.split(',').slice(0, -1).join(), at: window.to };
    const { times, layers } = columnsOf({
      frames: store.history.frames,
      order: this.#order,
      window,
      most: Math.max(60, Math.floor(this.#size.width / COLUMN_PX)),
      of: (frame) => owners.of(frame, store.dictionary),
    });
    this.#plot!.setData([times, ...layers.toReversed(), layers.at(-1)!], false);
    this.#plot!.setScale('x', { min: window.from / 1000, max: window.to / 1000 });
    this.#describe(scene);
  }

  /** The rectangle of the span, which moves to the left with its time. */
  #mark(): void {
    const plot = this.#plot!;
    const { view, shown } = this.#scene!;
    const span = view.span && (shown ?? view.span);
    // Before the first drawing there are no scales.
    if (plot.status !== 1) return;
    const at = (time: number): number =>
      Math.min(Math.max(plot.valToPos(time / 1000, 'x'), 0), plot.bbox.width / devicePixelRatio);
    const [left, right] = span ? [at(span.from), at(span.to)] : [0, 0];
    const height = plot.bbox.height / devicePixelRatio;
    plot.setSelect({ left, width: right - left, top: 0, height: right > left ? height : 0 }, false);
  }

  #describe({ hello, window }: Scene): void {
    setAttribute(
      this.#host,
      'aria-label',
      `Watts over time, ${clock(window.from)} to ${clock(window.to)}, stacked by container or service, ${hello?.source.kind}. ` +
        'Arrow keys mark a span.',
    );
  }

  #build(order: readonly string[], scene: Scene): void {
    this.#plot?.destroy();
    this.#order = order;
    this.#drawn = { key: '', at: 0 };
    const isEstimate = scene.hello?.source.kind === 'estimated';
    const points = { show: false };
    const layers = this.#fills(scene).map((fill) => ({
      fill,
      stroke: styleOf('--card'),
      width: 0.75,
      points,
    }));
    // The line of the total is above all: an estimate's is dashed.
    const total = { stroke: styleOf('--ink'), width: 1.5, points, ...(isEstimate && { dash: [6, 4] }) };
    const series: uPlot.Series[] = [...layers, total];
    this.#plot = new uPlot(
      {
        width: this.#size.width,
        height: this.#size.height,
        legend: { show: false },
        padding: [8, RIGHT_PX, 0, 0],
        cursor: {
          y: false,
          points: { show: false },
          drag: { x: true, y: false, setScale: false, dist: DRAG_PX },
        },
        scales: {
          x: { time: true },
          y: { range: (_plot, _least, most) => [0, Math.max(0.001, most ?? 0) * 1.06] },
        },
        axes: axes(mark(scene.hello?.source.kind)),
        series: [{}, ...series],
        hooks: {
          draw: [() => this.#mark()],
          setSelect: [(plot) => this.#dragged(plot)],
          setCursor: [
            (plot) =>
              this.#legend.point(typeof plot.cursor.idx === 'number' ? this.#layersAt(plot) : undefined),
          ],
        },
      },
      [[], ...series.map(() => [])],
      this.#host,
    );
    this.#plot.over.addEventListener('dblclick', () => this.#scene!.change({ span: undefined }));
  }

  /** From the top layer down. */
  #fills({ slots, store, view }: Scene): (string | CanvasPattern)[] {
    const groups = [...store.dictionary.groups.values()];
    const isDim = (owner: string): boolean =>
      view.zoom !== undefined &&
      !groups.some((group) => group.levels[group.owner]!.key === owner && isBelow(group, view.zoom));
    const owners = this.#order.map((owner) => styleOf(isDim(owner) ? '--dim' : `--s${slots.get(owner)}`));
    const other = styleOf(view.zoom === undefined ? '--other' : '--dim');
    return [hatched(), styleOf('--idle'), other, ...owners.toReversed()];
  }

  /** Watts of each layer by itself where the pointer is: owners, other, idle, unattributed. */
  #layersAt(plot: uPlot): { readonly time: number; readonly watts: readonly (number | undefined)[] } {
    const index = plot.cursor.idx!;
    const sums = plot.data
      .slice(1, -1)
      .toReversed()
      .map((layer) => layer[index] ?? undefined);
    const alone = sums.map((sum, i) => (sum === undefined ? undefined : sum - (i > 0 ? sums[i - 1]! : 0)));
    return { time: plot.data[0][index]! * 1000, watts: alone };
  }

  #dragged(plot: uPlot): void {
    const { left, width } = plot.select;
    if (width < DRAG_PX) return;
    const at = (position: number): number => Math.round(plot.posToVal(position, 'x') * 1000);
    this.#scene!.change({ span: { from: at(left), to: at(left + width) } });
  }
}

function axes(sign: string): uPlot.Axis[] {
  const common = { stroke: styleOf('--mute'), font: FONT, ticks: { show: false } };
  return [
    {
      ...common,
      grid: { show: false },
      size: 24,
      space: 70,
      values: (_plot, times) =>
        times.map((time) => clock(time * 1000, (times[1] ?? time + 60) - times[0]! < 60)),
    },
    {
      ...common,
      grid: { stroke: styleOf('--grid'), width: 1 },
      size: AXIS_PX,
      space: 36,
      values: (_plot, values) => values.map((value) => (value === 0 ? '0' : `${sign}${axisWatts(value)}`)),
    },
  ];
}

/** 1.5 W, 2 W: what axes need, no more. */
function axisWatts(value: number): string {
  return value >= 1 ? `${Number(value.toPrecision(3))} W` : inWatts(value);
}

/** What nobody has is hatched, in the chart as in the ledger. */
function hatched(): CanvasPattern {
  const tile = document.createElement('canvas');
  const size = 6 * devicePixelRatio;
  tile.width = size;
  tile.height = size;
  const context = tile.getContext('2d')!;
  context.strokeStyle = styleOf('--nobody');
  context.lineWidth = 1.6 * devicePixelRatio;
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, size);
    context.lineTo(shift + size, 0);
  }
  context.stroke();
  return context.createPattern(tile, 'repeat')!;
}
