// SPDX-License-Identifier: Apache-2.0
import { inWatts, joules, mark, percent, wattsBelow } from '../shared/format.ts';
import { type Item, ownerOf } from '../shared/items.ts';
import type { Step } from '../shared/shown.ts';
import type { Rows } from '../shared/wire.ts';
import { element, setAttribute, setClass, setText } from './dom.ts';
import { type Scene, slotClass } from './scene.ts';

const SPARK_PX = { width: 120, height: 20 };
const NARROW_SPARK_PX = 72;
/** What has spent anything is seen. */
const LEAST_BAR_PX = 0.75;
const SVG = 'http://www.w3.org/2000/svg';

/** What rows of one drawing have in common. */
export interface Drawing {
  readonly scene: Scene;
  /** µJ of the largest row. */
  readonly largest: number;
  /** Where each row is in each step; made once a step. */
  readonly indexes: WeakMap<Rows, ReadonlyMap<number, number>>;
  readonly isNarrow: boolean;
}

/** A row of the table: as many as fit are made, and filled anew while the table moves. */
export class TableRow {
  readonly node: HTMLElement = element('div', { class: 'row', role: 'row' });
  readonly button: HTMLButtonElement = element('button', { class: 'row-name' });
  item: Item | undefined;
  readonly #meter = element('i', { class: 'meter' });
  readonly #watts = element('b');
  readonly #error = element('small');
  readonly #dot = element('i', { class: 'dot' });
  readonly #name = element('span');
  readonly #count = element('small');
  /** Not a canvas: dozens of those cost more than the paths, which are painted with their rows. */
  readonly #spark = document.createElementNS(SVG, 'svg');
  readonly #path = document.createElementNS(SVG, 'path');
  #highest = '';
  /** Of an item, in steps that were drawn already. */
  #powers = { of: '', known: new WeakMap<Rows, number>() };
  readonly #owner = element('span');
  readonly #outer = element('small');
  readonly #cells: Readonly<Record<'share' | 'cpu' | 'joules' | 'where' | 'pid', HTMLElement>>;

  constructor() {
    const cell = (name: string, ...children: Node[]): HTMLElement =>
      element('div', { class: `cell ${name}`, role: 'cell' }, ...children);
    this.button.type = 'button';
    this.button.tabIndex = -1;
    this.button.append(this.#dot, this.#name, this.#count);
    this.#spark.setAttribute('aria-hidden', 'true');
    this.#spark.setAttribute('height', String(SPARK_PX.height));
    this.#spark.append(this.#path);
    const spark = cell('spark', this.#spark);
    spark.addEventListener('pointerenter', () => (spark.title = this.#highest));
    const own = {
      share: cell('share'),
      cpu: cell('cpu'),
      joules: cell('joules'),
      where: cell('where', this.#owner, this.#outer),
      pid: cell('pid'),
    };
    this.#cells = own;
    this.node.append(
      cell('watts', this.#meter, this.#watts, this.#error),
      own.share,
      cell('name', this.button),
      spark,
      own.cpu,
      own.joules,
      own.where,
      own.pid,
    );
  }

  fill(item: Item, drawing: Drawing): void {
    this.item = item;
    const { scene, largest } = drawing;
    const { ms, total } = scene.shown!;
    const { energy, error, row, group, alive } = item;
    const sign = mark(scene.hello?.source.kind);
    const { by } = scene.view;
    this.#meter.style.transform = `scaleX(${largest > 0 ? Math.min(1, energy / largest).toFixed(3) : 0})`;
    setText(this.#watts, energy > 0 ? `${sign}${wattsBelow(energy, ms, largest)}` : '·');
    setText(this.#error, error > 0 && energy > 0 ? ` ± ${wattsBelow(error, ms, largest)}` : '');
    setText(this.#cells.share, energy > 0 ? percent(energy / total) : '');
    setText(this.#name, item.label);
    setText(this.#count, countOf(item, by));
    setClass(
      this.#dot,
      `dot ${by === 'program' && ownersOf(item, scene) > 1 ? 'none' : slotClass(scene.slots, ownerOf(group).key)}`,
    );
    const isEnded = by === 'process' && row.kind === 'ended';
    setClass(this.node, `row${energy > 0 ? '' : ' still'}${isEnded || alive === 0 ? ' ended' : ''}`);
    const cpu = item.cpu / ms / 1000;
    setText(this.#cells.cpu, cpu > 0 ? `${(cpu * 100).toFixed(cpu < 0.0995 ? 1 : 0)} %` : '');
    setText(this.#cells.joules, joules(item.longer));
    this.#place(item, scene);
    setText(this.#cells.pid, row.pid === null || by !== 'process' ? '' : String(row.pid));
    setAttribute(this.node, 'title', by === 'program' ? item.label : `${item.label}\n${group.path}`);
    setAttribute(this.button, 'aria-label', hintOf(item, by));
    this.#drawSpark(item, drawing);
  }

  /** What it is in, and after that where that is: of a long path the beginning matters least. */
  #place({ group, ids }: Item, { view, store }: Scene): void {
    const places = new Set(ids.map((id) => store.dictionary.groupOf(id)));
    const isOne = view.by !== 'program' || places.size === 1;
    setText(
      this.#owner,
      isOne ? (view.by === 'container' ? '' : ownerOf(group).label) : `${places.size} places`,
    );
    const outer = group.levels.slice(0, group.owner).map(({ label }) => label);
    setText(this.#outer, isOne ? outer.join(' › ') : '');
  }

  /** The last minute, or the span, a bar for each step. */
  #drawSpark(item: Item, { scene, indexes, isNarrow }: Drawing): void {
    const { steps, from, to } = scene.shown!;
    const width = isNarrow ? NARROW_SPARK_PX : SPARK_PX.width;
    const { height } = SPARK_PX;
    const powers = this.#powersOf(item, steps, indexes);
    const highest = Math.max(...powers);
    // Of now it is the last minute; steps may be fewer.
    const [begin, end] = scene.view.span ? [from, to] : [to - 60_000, to];
    const at = (time: number): number => Math.max(0, ((time - begin) / (end - begin)) * width);
    let path = '';
    if (highest > 0) {
      steps.forEach((step, i) => {
        const tall = Math.max((powers[i]! / highest) * (height - 2), powers[i]! > 0 ? LEAST_BAR_PX : 0);
        const [left, right] = [at(step.from), at(step.to)];
        if (right > 0 && tall > 0)
          path += `M${left.toFixed(1)} ${height}V${(height - tall).toFixed(1)}H${(right + 0.25).toFixed(1)}V${height}`;
      });
    }
    setAttribute(this.#spark, 'width', String(width));
    setAttribute(this.#path, 'd', path);
    this.#highest = highest > 0 ? `highest ${mark(scene.hello?.source.kind)}${inWatts(highest)}` : '';
  }

  /** Mean W in each step; what is known of a step stays as it is. */
  #powersOf({ key, ids }: Item, steps: readonly Step[], indexes: Drawing['indexes']): number[] {
    const of = `${key} ${ids.join()}`;
    if (of !== this.#powers.of) this.#powers = { of, known: new WeakMap() };
    const { known } = this.#powers;
    return steps.map((step) => {
      const former = known.get(step.rows);
      if (former !== undefined) return former;
      const power = powerIn(step, ids, indexes);
      known.set(step.rows, power);
      return power;
    });
  }
}

/** Mean W of rows in a step. */
function powerIn({ rows, ms }: Step, ids: readonly number[], indexes: Drawing['indexes']): number {
  let index = indexes.get(rows);
  if (!index) {
    index = new Map(rows.id.map((id, i) => [id, i]));
    indexes.set(rows, index);
  }
  let energy = 0;
  for (const id of ids) {
    const i = index.get(id);
    if (i !== undefined) energy += rows.energy[i]!;
  }
  return energy / ms / 1000;
}

/** ` ×3`, ` 12 ended`: how many there are where there is not one. */
function countOf({ alive, ended, row }: Item, by: string): string {
  const parts = [];
  if (alive > 1 || (by !== 'process' && alive === 1 && ended > 0)) parts.push(`×${alive}`);
  if (ended > 0) parts.push(`${ended} ended`);
  else if (by === 'process' && row.kind === 'ended') parts.push('ended');
  return parts.length === 0 ? '' : ` ${parts.join(' · ')}`;
}

/** Containers, services and sessions that it is in. */
function ownersOf({ ids }: Item, { store: { dictionary } }: Scene): number {
  return new Set(ids.map((id) => ownerOf(dictionary.groups.get(dictionary.groupOf(id))!).key)).size;
}

/** Begins with what is to be read there. */
function hintOf(item: Item, by: string): string {
  const what = by === 'process' ? `look into ${ownerOf(item.group).label}` : 'show its processes';
  return `${item.label}${countOf(item, by)}: ${what}`;
}
