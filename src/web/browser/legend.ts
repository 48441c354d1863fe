// SPDX-License-Identifier: Apache-2.0
import { clock, inWatts, mark } from '../shared/format.ts';
import { ownerOf, whereOf } from '../shared/items.ts';
import { byId, element, keepReachable, rove, setAttribute, setClass, setText } from './dom.ts';
import { type Scene, slotClass } from './scene.ts';

/** What the pointer is at: owners in the order of the layers, then other, idle, unattributed; W. */
export interface Pointed {
  readonly time: number;
  readonly watts: readonly (number | undefined)[];
}

interface Key {
  readonly node: HTMLButtonElement;
  readonly name: HTMLElement;
  readonly figure: HTMLElement;
}

const REST = ['other', 'idle', 'unattributed'] as const;
const REST_CLASS = { other: 'other', idle: 'idle', unattributed: 'nobody' } as const;

/** Names of the layers, with what each has in the time that is shown, or where the pointer is. */
export class Legend {
  readonly #host = byId('legend');
  readonly #keys: Key[] = [];
  readonly #time = element('span', { class: 'legend-time' });
  #scene: Scene | undefined;
  #order: readonly string[] = [];
  #pointed: Pointed | undefined;

  constructor() {
    rove(this.#host, ['ArrowLeft', 'ArrowRight']);
    this.#host.append(this.#time);
  }

  draw(scene: Scene, order: readonly string[]): void {
    this.#scene = scene;
    this.#order = order;
    while (this.#keys.length < order.length + REST.length) this.#keys.push(this.#make());
    const groups = new Map(
      [...scene.store.dictionary.groups.values()].map((group) => [ownerOf(group).key, group]),
    );
    this.#keys.forEach(({ node, name }, i) => {
      const owner = order[i];
      const rest = REST[i - order.length];
      node.hidden = owner === undefined && rest === undefined;
      if (node.hidden) return;
      node.disabled = owner === undefined;
      setClass(node, `key ${rest ? REST_CLASS[rest] : slotClass(scene.slots, owner)}`);
      const group = owner === undefined ? undefined : groups.get(owner);
      setText(name, rest ?? (group ? ownerOf(group).label : owner!));
      setAttribute(node, 'title', group ? `${whereOf(group)}: show its processes` : (rest ?? ''));
      setAttribute(node, 'aria-pressed', String(owner !== undefined && owner === scene.view.zoom));
    });
    this.#figures();
    keepReachable(this.#host);
  }

  point(pointed: Pointed | undefined): void {
    this.#pointed = pointed;
    if (this.#scene) this.#figures();
  }

  #figures(): void {
    const { hello, shown } = this.#scene!;
    const sign = mark(hello?.source.kind);
    const figures = this.#pointed?.watts ?? this.#shownWatts();
    this.#keys.forEach(({ figure }, i) => {
      const value = figures[i];
      setText(figure, value === undefined ? '' : value < 0.0005 ? '0' : `${sign}${inWatts(value)}`);
    });
    setText(this.#time, this.#pointed ? `at ${clock(this.#pointed.time)}` : '');
    this.#time.hidden = !this.#pointed || !shown;
  }

  #shownWatts(): (number | undefined)[] {
    const { shown, store } = this.#scene!;
    if (!shown) return [];
    const energy = new Map<string, number>();
    for (const [id, row] of shown.rows) {
      const group = store.dictionary.groups.get(store.dictionary.groupOf(id));
      if (!group) continue;
      const { key } = ownerOf(group);
      energy.set(key, (energy.get(key) ?? 0) + row.energy);
    }
    const named = this.#order.map((owner) => energy.get(owner) ?? 0);
    const { process, idle, shared, gap, lost } = shown.ledger;
    const other = process - named.reduce((sum, one) => sum + one, 0);
    return [...named, other, idle, shared + gap + lost].map((one) => one / shown.ms / 1000);
  }

  #make(): Key {
    const name = element('span', { class: 'key-name' });
    const figure = element('span', { class: 'key-figure' });
    const node = element('button', { class: 'key' }, name, figure);
    node.type = 'button';
    const index = this.#keys.length;
    node.addEventListener('click', () => {
      const owner = this.#order[index];
      const { view, change } = this.#scene!;
      if (owner !== undefined) change({ zoom: view.zoom === owner ? undefined : owner, by: 'process' });
    });
    this.#host.insertBefore(node, this.#time);
    return { node, name, figure };
  }
}
