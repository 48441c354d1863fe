// SPDX-License-Identifier: Apache-2.0
import { CalmOrder } from '../shared/calm.ts';
import { duration, mark, watts } from '../shared/format.ts';
import { type Item, itemsOf, ownerOf, whereOf } from '../shared/items.ts';
import { FINE_MS, type Rows } from '../shared/wire.ts';
import { button, byId, element, rove, setAttribute, setText, Size } from './dom.ts';
import { type Drawing, TableRow } from './row.ts';
import type { Scene } from './scene.ts';
import type { Sort } from './view.ts';

const ROW_PX = 30;
const NARROW_PX = 700;

const COLUMNS: readonly { readonly name: string; readonly label: string; readonly sort?: Sort }[] = [
  { name: 'watts', label: 'Watts', sort: 'watts' },
  { name: 'share', label: 'Share' },
  { name: 'name', label: 'Name', sort: 'name' },
  { name: 'spark', label: 'Last minute' },
  { name: 'cpu', label: 'CPU', sort: 'cpu' },
  { name: 'joules', label: 'Joules', sort: 'joules' },
  { name: 'where', label: 'Where', sort: 'where' },
  { name: 'pid', label: 'PID', sort: 'pid' },
];

const VALUES: Readonly<Record<Exclude<Sort, 'watts'>, (item: Item) => number | string>> = {
  name: ({ label }) => label.toLowerCase(),
  cpu: ({ cpu }) => cpu,
  joules: ({ longer }) => longer,
  where: ({ group }) => whereOf(group),
  pid: ({ row }) => row.pid ?? 0,
};

const NAMES = { process: 'Processes', program: 'Programs', container: 'Containers and services' } as const;

/** Rows by who spends most, as many as there are; as many as fit are drawn. */
export class Table {
  /** Rows in their order, as last drawn. */
  items: readonly Item[] = [];
  /** What scrolls. */
  readonly #body = byId('grid');
  readonly #space = element('div', { class: 'space', role: 'rowgroup' });
  readonly #window = element('div', { class: 'window', role: 'presentation' });
  readonly #heads = new Map<string, HTMLElement>();
  readonly #pool: TableRow[] = [];
  readonly #calm = new CalmOrder();
  readonly #indexes = new WeakMap<Rows, ReadonlyMap<number, number>>();
  readonly #size = new Size(this.#body, () => this.#paint());
  #scene: Scene | undefined;
  #scrolled = 0;
  /** What was asked for when the order was made. */
  #asked = '';
  #isHeld = false;

  constructor() {
    setAttribute(this.#body, 'role', 'table');
    setAttribute(this.#body, 'aria-labelledby', 'rows-title');
    this.#space.append(this.#window);
    this.#body.append(element('div', { class: 'heads', role: 'rowgroup' }, this.#head()), this.#space);
    // Rows that move away from under a pointer cannot be clicked.
    this.#space.addEventListener(
      'pointerenter',
      ({ pointerType }) => (this.#isHeld = pointerType === 'mouse'),
    );
    this.#space.addEventListener('pointerleave', () => (this.#isHeld = false));
    this.#body.addEventListener('scroll', () => this.#scroll(), { passive: true });
    rove(this.#space, ['ArrowUp', 'ArrowDown']);
    this.#body.addEventListener('keydown', (event) => {
      if (event.target !== this.#body || event.key !== 'ArrowDown') return;
      event.preventDefault();
      this.#pool[0]?.button.focus();
    });
  }

  draw(scene: Scene): void {
    this.#scene = scene;
    const { view, shown, store, hello } = scene;
    const found = shown ? itemsOf(store.dictionary, shown, view) : [];
    const asked = [
      view.by,
      view.find,
      view.zoom,
      view.sort,
      view.isAscending,
      view.span?.from,
      view.span?.to,
    ].join('\n');
    const isNew = asked !== this.#asked;
    this.#asked = asked;
    if (isNew) {
      this.#calm.reset();
      this.#body.scrollTop = 0;
      this.#scrolled = 0;
    }
    const isHeld = (this.#isHeld || this.#space.contains(document.activeElement)) && !isNew;
    this.items = isHeld ? keepOrder(this.items, found) : this.#sorted(found);
    this.#headings();
    setAttribute(this.#body, 'aria-rowcount', String(this.items.length + 1));
    const energy = found.reduce((sum, item) => sum + item.energy, 0);
    setText(byId('rows-name'), NAMES[view.by]);
    setAttribute(this.#body, 'data-by', view.by);
    const active = found.filter((item) => item.energy > 0).length;
    const count = (view.span ? found.length : active).toLocaleString('en');
    const more = view.span ? '' : ` of ${found.length.toLocaleString('en')} in the last minute`;
    setText(
      byId('count'),
      shown ? `${count}${more} · ${mark(hello?.source.kind)}${watts(energy, shown.ms)}` : '',
    );
    this.#space.style.height = `${this.items.length * ROW_PX}px`;
    this.#paint();
  }

  #sorted(items: readonly Item[]): readonly Item[] {
    const { sort, isAscending, span } = this.#scene!.view;
    const sign = isAscending ? 1 : -1;
    if (sort !== 'watts') {
      const value = VALUES[sort];
      return items.toSorted((one, other) => {
        const [a, b] = [value(one), value(other)];
        return (a < b ? -sign : a > b ? sign : 0) || other.energy - one.energy;
      });
    }
    // Nothing moves in a span; and who looks for the least looks at exact figures.
    if (span || isAscending)
      return items.toSorted(
        (one, other) => sign * (one.energy - other.energy) || sign * (one.longer - other.longer),
      );
    const byKey = new Map(items.map((item) => [item.key, item]));
    return this.#calm
      .next(new Map(items.map(({ key, energy }) => [key, energy])))
      .map((key) => byKey.get(key)!);
  }

  #scroll(): void {
    this.#scrolled = this.#body.scrollTop;
    this.#paint();
  }

  #paint(): void {
    const scene = this.#scene;
    if (!scene?.shown) {
      for (const { node } of this.#pool) node.hidden = true;
      return;
    }
    const count = Math.ceil(this.#size.height / ROW_PX) + 2;
    const first = Math.max(0, Math.min(Math.floor(this.#scrolled / ROW_PX), this.items.length - 1));
    while (this.#pool.length < count) {
      const row = new TableRow();
      row.button.addEventListener('click', () => row.item && this.#open(row.item));
      this.#pool.push(row);
      this.#window.append(row.node);
    }
    this.#window.style.transform = `translateY(${first * ROW_PX}px)`;
    const drawing: Drawing = {
      scene,
      largest: this.items.reduce((most, { energy }) => Math.max(most, energy), 0),
      indexes: this.#indexes,
      isNarrow: innerWidth <= NARROW_PX,
    };
    this.#pool.forEach((row, i) => {
      const item = i < count ? this.items[first + i] : undefined;
      row.node.hidden = !item;
      row.button.hidden = !item;
      setAttribute(row.node, 'aria-rowindex', String(first + i + 2));
      if (item) row.fill(item, drawing);
      else row.item = undefined;
    });
  }

  /** A row leads to the processes that it stands for; a process to the container that it is in. */
  #open({ label, group, ids }: Item): void {
    const { view, change, store } = this.#scene!;
    const owner = ownerOf(group).key;
    if (view.by === 'container') change({ by: 'process', zoom: owner, find: '' });
    else if (view.by === 'process') change({ zoom: view.zoom === owner ? undefined : owner });
    else {
      const isOne = ids.every((id) => store.dictionary.groupOf(id) === store.dictionary.groupOf(ids[0]!));
      change({ by: 'process', find: label, ...(isOne && { zoom: owner }) });
    }
  }

  #head(): HTMLElement {
    const head = element('div', { class: 'head', role: 'row' });
    for (const { name, label, sort } of COLUMNS) {
      const cell = element('div', { class: `cell ${name}`, role: 'columnheader' });
      if (sort) cell.append(button('', label, () => this.#sortBy(sort)));
      else cell.append(element('span', { text: label }));
      this.#heads.set(name, cell);
      head.append(cell);
    }
    return head;
  }

  #sortBy(sort: Sort): void {
    const { view, change } = this.#scene!;
    const isText = sort === 'name' || sort === 'where';
    change({ sort, isAscending: view.sort === sort ? !view.isAscending : isText });
  }

  /** Which way it is sorted, and the times that figures are of. */
  #headings(): void {
    const { view, shown } = this.#scene!;
    for (const { name, sort } of COLUMNS) {
      const direction = view.isAscending ? 'ascending' : 'descending';
      if (sort) setAttribute(this.#heads.get(name)!, 'aria-sort', view.sort === sort ? direction : 'none');
    }
    if (!shown) return;
    const time = duration(shown.ms);
    setText(this.#heads.get('watts')!.firstChild!, `Watts, ${time}`);
    setText(this.#heads.get('spark')!.firstChild!, view.span ? time : 'Last minute');
    setText(this.#heads.get('joules')!.firstChild!, `Joules, ${duration(aboutMinute(shown.longer.ms))}`);
    setText(this.#heads.get('where')!.firstChild!, view.by === 'container' ? 'Path' : 'Where');
  }
}

/** Sixty intervals of a second are a minute, though each is some ms longer. */
function aboutMinute(ms: number): number {
  return Math.abs(ms - FINE_MS) < 2000 ? FINE_MS : ms;
}

/** The old order, what is new at its end. */
function keepOrder(before: readonly Item[], found: readonly Item[]): readonly Item[] {
  const byKey = new Map(found.map((item) => [item.key, item]));
  const kept = before.map(({ key }) => byKey.get(key)).filter((item) => item !== undefined);
  const had = new Set(kept);
  return [...kept, ...found.filter((item) => !had.has(item))];
}
